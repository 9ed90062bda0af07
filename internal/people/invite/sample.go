package invite

// SampleName is the file name of the sample list.
const SampleName = "sample-invite.csv"

// Sample is the content of a list that people can start from: the header, a
// person with one role and a person with two.
func Sample() []byte {
	return []byte("name,email,roles\n" +
		"Asha Rao,asha.rao@example.com,mentee\n" +
		"Tomás Lind,tomas.lind@example.com,\"mentor,session_manager\"\n")
}

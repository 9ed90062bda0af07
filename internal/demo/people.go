package demo

import "quad/models"

// Names of the demo data that scripts rely on.
const (
	AccountName      = "Demo"
	OrganizationCode = "demo"
	AdminEmail       = "admin@demo.test"
	OrgAdminEmail    = "orgadmin@demo.test"
	UserEmail        = "learner@demo.test"
	// TenantAdminEmail administers an organization that is not the default one.
	TenantAdminEmail = "marguerite.dupont@riverside.test"

	// OtherAccountName and OtherHost are of a second account that shares nothing
	// with the first: requests for this host see it instead.
	OtherAccountName = "Lakeside"
	OtherHost        = "lakeside.localhost"

	// knownMentor is a mentor of the demo organization.
	knownMentor = "priya.nair@demo.test"
)

// organization is an organization and who is in it. Domain is that of the
// addresses of its people; who signs up with one comes into it.
type organization struct {
	name, code, domain, description string
	people                          []person
}

// email is the address of the i-th person.
func (o organization) email(i int) string { return o.people[i].local + "@" + o.domain }

// person is somebody in an organization. Their address is made of the local
// part and the organization's domain.
type person struct {
	name, local string
	roles       []string
}

func mentee(name, local string) person { return person{name, local, []string{models.RoleMentee}} }
func mentor(name, local string) person { return person{name, local, []string{models.RoleMentor}} }

func orgAdmin(name, local string) person {
	return person{name, local, []string{models.RoleOrgAdmin}}
}

func manager(name, local string) person {
	return person{name, local, []string{models.RoleMentor, models.RoleSessionManager}}
}

// organizations are those of the demo account; the first is its default one,
// and its first three people can sign in, beside TenantAdminEmail.
var organizations = []organization{
	{"Demo Learning Network", OrganizationCode, "demo.test", "The default organization: who signs up without an invitation comes here.", []person{
		{"Adaeze Obi", "admin", []string{models.RoleAdmin}},
		orgAdmin("Oskar Lindqvist", "orgadmin"),
		mentee("Lena Fischer", "learner"),
		mentor("Priya Nair", "priya.nair"),
		mentor("Mateo Rivas", "mateo.rivas"),
		mentor("Hanna Kowalska", "hanna.kowalska"),
		manager("Samuel Boateng", "samuel.boateng"),
		mentee("Yuki Tanaka", "yuki.tanaka"),
		mentee("Amara Diallo", "amara.diallo"),
		mentee("Tomas Novak", "tomas.novak"),
		mentee("Leila Haddad", "leila.haddad"),
		mentee("Joao Pereira", "joao.pereira"),
		mentee("Freya Nielsen", "freya.nielsen"),
		mentee("Arjun Mehta", "arjun.mehta"),
		mentee("Chloe Martin", "chloe.martin"),
	}},
	{"Riverside Teacher College", "riverside", "riverside.test", "Initial training of primary school teachers.", []person{
		orgAdmin("Marguerite Dupont", "marguerite.dupont"),
		mentor("Ines Carvalho", "ines.carvalho"),
		mentor("David Okafor", "david.okafor"),
		manager("Sofia Rossi", "sofia.rossi"),
		mentee("Emil Hansen", "emil.hansen"),
		mentee("Nadia Rahman", "nadia.rahman"),
		mentee("Lucas Weber", "lucas.weber"),
		mentee("Grace Mwangi", "grace.mwangi"),
		mentee("Pavel Dvorak", "pavel.dvorak"),
		mentee("Aisha Siddiqui", "aisha.siddiqui"),
		mentee("Noah Bakker", "noah.bakker"),
		mentee("Camila Torres", "camila.torres"),
		mentee("Ivan Horvat", "ivan.horvat"),
	}},
	{"Northfield Skills Centre", "northfield", "northfield.test", "Evening courses for people at work.", []person{
		orgAdmin("Gareth Llewellyn", "gareth.llewellyn"),
		mentor("Fatima Zahra", "fatima.zahra"),
		mentor("Henrik Olsen", "henrik.olsen"),
		manager("Rosa Jimenez", "rosa.jimenez"),
		mentee("Kofi Asante", "kofi.asante"),
		mentee("Mila Petrova", "mila.petrova"),
		mentee("Daniel Cohen", "daniel.cohen"),
		mentee("Thandi Nkosi", "thandi.nkosi"),
		mentee("Viktor Szabo", "viktor.szabo"),
		mentee("Elif Demir", "elif.demir"),
		mentee("Patrick Byrne", "patrick.byrne"),
		mentee("Sunita Rao", "sunita.rao"),
	}},
}

// neighbours are people of the account whom the demo organization must not be
// able to invite.
var neighbours = organizations[1]

// otherPeople are in the second account.
var otherPeople = organization{"Lakeside Academy", "lakeside", "lakeside.test", "", []person{
	{"Birgit Sandberg", "admin", []string{models.RoleAdmin}},
	orgAdmin("Callum Reid", "callum.reid"),
	mentor("Zainab Yusuf", "zainab.yusuf"),
	mentee("Piotr Zielinski", "piotr.zielinski"),
}}

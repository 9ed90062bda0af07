package people

import (
	"github.com/lib/pq"

	"quad/internal/store"
	"quad/models"
)

// The lists that a profile is filled in from, and the form for it. They belong
// to the account's default organization, so every other one sees them until it
// has its own. All lists are open: what is not in them may be chosen too.

type shippedList struct {
	value, label string
	entities     [][2]string // value, label
}

var shippedLists = []shippedList{
	{models.EntityTypeGender, "Gender", [][2]string{
		{"female", "Female"}, {"male", "Male"}, {"transgender", "Transgender"}, {"not_specified", "Prefer not to say"},
	}},
	{models.EntityTypeLocation, "Location", [][2]string{
		{"an", "Andaman and Nicobar Islands"}, {"ap", "Andhra Pradesh"}, {"ar", "Arunachal Pradesh"}, {"as", "Assam"}, {"br", "Bihar"},
		{"ch", "Chandigarh"}, {"ct", "Chhattisgarh"}, {"dh", "Dadra and Nagar Haveli and Daman and Diu"}, {"dl", "Delhi"}, {"ga", "Goa"},
		{"gj", "Gujarat"}, {"hr", "Haryana"}, {"hp", "Himachal Pradesh"}, {"jk", "Jammu and Kashmir"}, {"jh", "Jharkhand"},
		{"ka", "Karnataka"}, {"kl", "Kerala"}, {"la", "Ladakh"}, {"ld", "Lakshadweep"}, {"mp", "Madhya Pradesh"}, {"mh", "Maharashtra"},
		{"mn", "Manipur"}, {"ml", "Meghalaya"}, {"mz", "Mizoram"}, {"nl", "Nagaland"}, {"od", "Odisha"}, {"py", "Puducherry"},
		{"pb", "Punjab"}, {"rj", "Rajasthan"}, {"sk", "Sikkim"}, {"tn", "Tamil Nadu"}, {"ts", "Telangana"}, {"tr", "Tripura"},
		{"up", "Uttar Pradesh"}, {"uk", "Uttarakhand"}, {"wb", "West Bengal"},
	}},
	{models.EntityTypeLanguages, "Languages", shippedLanguages},
	{models.EntityTypePreferredLanguage, "Preferred language", shippedLanguages},
	{"designation", "Designation", [][2]string{
		{"teacher", "Teacher"}, {"head_teacher", "Head teacher"}, {"principal", "Principal"}, {"resource_person", "Resource person"},
		{"block_officer", "Block education officer"}, {"district_officer", "District education officer"}, {"state_officer", "State education officer"},
	}},
}

var shippedLanguages = [][2]string{
	{"as", "Assamese"}, {"bn", "Bengali"}, {"en", "English"}, {"gu", "Gujarati"}, {"hi", "Hindi"}, {"kn", "Kannada"}, {"ml", "Malayalam"},
	{"mr", "Marathi"}, {"or", "Odia"}, {"pa", "Punjabi"}, {"ta", "Tamil"}, {"te", "Telugu"}, {"ur", "Urdu"},
}

// What the shipped form is found by.
const (
	shippedFormType    = "user"
	shippedFormSubType = "profile"
)

const shippedForm = `{"template_name":"profile","fields":{"controls":[
{"name":"name","label":"Your name","value":"","class":"","type":"text","position":"floating","validators":{"required":true,"minLength":1}},
{"name":"gender","label":"Gender","value":"","class":"","type":"select","position":"floating","validators":{"required":false},"meta":{"entityType":"gender"}},
{"name":"location","label":"Where you work","value":"","class":"","type":"select","position":"floating","validators":{"required":true},"multiple":true,"meta":{"entityType":"location"}},
{"name":"languages","label":"Languages you speak","value":"","class":"","type":"select","position":"floating","validators":{"required":false},"multiple":true,"meta":{"entityType":"languages"}},
{"name":"preferred_language","label":"Language of the app","value":"","class":"","type":"select","position":"floating","validators":{"required":false},"meta":{"entityType":"preferred_language"}},
{"name":"about","label":"About you","value":"","class":"","type":"textarea","position":"floating","validators":{"required":false}}]}}`

// shipLists gives the default organization its lists and its form. Processes
// that run already may show them up to a minute later.
func shipLists(once func(item, text string, args store.Args) error, organizationID int64) error {
	for _, l := range shippedLists {
		values, labels := make(pq.StringArray, len(l.entities)), make(pq.StringArray, len(l.entities))
		for i, e := range l.entities {
			values[i], labels[i] = e[0], e[1]
		}
		if err := once("entity_type:"+l.value, `WITH made AS (
				INSERT INTO entity_types (account_id, organization_id, value, label, allow_filtering)
				VALUES (@account_id, @organization, @value, @label, true) ON CONFLICT DO NOTHING RETURNING id)
			INSERT INTO entities (account_id, entity_type_id, value, label)
			SELECT @account_id, made.id, e.value, e.label FROM made, unnest(CAST(@values AS text[]), CAST(@labels AS text[])) AS e (value, label)`,
			store.Args{"organization": organizationID, "value": l.value, "label": l.label, "values": values, "labels": labels}); err != nil {
			return err
		}
	}
	return once("form:"+shippedFormType+":"+shippedFormSubType, `INSERT INTO forms (account_id, organization_id, type, sub_type, data)
		VALUES (@account_id, @organization, @type, @sub_type, CAST(@data AS json)) ON CONFLICT DO NOTHING`,
		store.Args{"organization": organizationID, "type": shippedFormType, "sub_type": shippedFormSubType, "data": shippedForm})
}

package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strings"

	nethtml "golang.org/x/net/html"

	"quad/models"
)

// placeholder is {name}. Braces around anything else, such as rules of a style
// sheet, are text.
var placeholder = regexp.MustCompile(`\{([A-Za-z][A-Za-z0-9_]*)\}`)

// fill puts values into a text; unknown ones are empty. Values are not looked
// at again, so a value that looks like a placeholder stays what it is.
func fill(text string, values map[string]string, escape func(string) string) string {
	return placeholder.ReplaceAllStringFunc(text, func(match string) string {
		v := values[match[1:len(match)-1]]
		if escape != nil {
			v = escape(v)
		}
		return v
	})
}

// escapeHTML is safe in text and in quoted attributes. Line breaks stay
// visible.
func escapeHTML(v string) string {
	return strings.ReplaceAll(html.EscapeString(v), "\n", "<br>\n")
}

// template is what a mail is made of: its own text, wrapped.
type template struct {
	subject, html, text    string
	headerHTML, footerHTML string
	headerText, footerText string
	layout                 string // {body} stands for everything; shipped texts only
	dropEmpty              bool   // shipped texts leave out lines that have nothing to say
}

// render makes subject and body.
func (t template) render(values map[string]string) Mail {
	body := t.headerHTML + t.html + t.footerHTML
	text := joinText(t.headerText, t.text, t.footerText)
	if t.dropEmpty {
		body, text = dropEmptyLines(body, values), dropEmptyLines(text, values)
	}
	body = fill(body, values, escapeHTML)
	if t.layout != "" {
		body = strings.Replace(t.layout, "{body}", body, 1)
	}
	subject := strings.Join(strings.Fields(fill(t.subject, values, nil)), " ") // also no line breaks
	return Mail{Subject: subject, HTML: body, Text: strings.TrimSpace(fill(text, values, nil)) + "\n"}
}

// joinText puts a blank line between the parts.
func joinText(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, "\n\n")
}

// dropEmptyLines leaves out the lines whose placeholders are all empty.
func dropEmptyLines(text string, values map[string]string) string {
	lines := strings.Split(text, "\n")
	kept := lines[:0]
	for _, line := range lines {
		found := placeholder.FindAllStringSubmatch(line, -1)
		empty := len(found) > 0
		for _, m := range found {
			empty = empty && values[m[1]] == ""
		}
		if !empty {
			kept = append(kept, line)
		}
	}
	return blankLines.ReplaceAllString(strings.Join(kept, "\n"), "\n\n")
}

var blankLines = regexp.MustCompile(`\n{3,}`)

// storedValues reads the params of a row.
func storedValues(params json.RawMessage) (map[string]string, error) {
	values := map[string]string{}
	if len(params) == 0 {
		return values, nil
	}
	raw := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(params))
	decoder.UseNumber() // ids keep their digits
	if err := decoder.Decode(&raw); err != nil {
		return nil, fmt.Errorf("the values of the mail are no object: %w", err)
	}
	for name, v := range raw {
		switch v := v.(type) {
		case nil:
		case string:
			values[name] = v
		case json.Number, bool:
			values[name] = fmt.Sprint(v)
		default:
			encoded, err := json.Marshal(v)
			if err != nil {
				return nil, fmt.Errorf("value %s of the mail: %w", name, err)
			}
			values[name] = string(encoded)
		}
	}
	return values, nil
}

// sameValue are names that organizations' templates use for the same value.
var sameValue = [][2]string{{"organization", "orgName"}, {"roles", "role"}, {"link", "portalURL"}}

// addDefaults adds the values that every mail has.
func addDefaults(values map[string]string, n models.Notification) {
	if values["email"] == "" {
		values["email"] = n.Recipient
	}
	for _, pair := range sameValue {
		for i, name := range pair {
			if values[name] == "" {
				values[name] = values[pair[1-i]]
			}
		}
	}
}

// blockTags begin a new line in the text made from HTML.
var blockTags = map[string]string{
	"p": "\n\n", "div": "\n", "br": "\n", "tr": "\n", "li": "\n- ", "table": "\n\n", "ul": "\n", "ol": "\n",
	"h1": "\n\n", "h2": "\n\n", "h3": "\n\n", "h4": "\n\n", "h5": "\n\n", "h6": "\n\n", "blockquote": "\n\n", "hr": "\n",
}

// maxText bounds the text made from HTML.
const maxText = 1 << 20

// textOf makes a plain text from HTML: words and line breaks, links with their
// address, nothing of scripts and styles.
func textOf(markup string) string {
	var out strings.Builder
	var links []string
	skip := 0
	z := nethtml.NewTokenizer(strings.NewReader(markup))
	for out.Len() < maxText {
		switch kind := z.Next(); kind {
		case nethtml.ErrorToken:
			return tidy(out.String())
		case nethtml.TextToken:
			if skip == 0 {
				out.WriteString(spaces.ReplaceAllString(string(z.Text()), " "))
			}
		case nethtml.StartTagToken, nethtml.SelfClosingTagToken:
			token := z.Token()
			switch token.Data {
			case "script", "style", "head", "title":
				if kind == nethtml.StartTagToken {
					skip++
				}
			case "a":
				href := ""
				for _, a := range token.Attr {
					if a.Key == "href" {
						href = a.Val
					}
				}
				links = append(links, href)
			}
			out.WriteString(blockTags[token.Data])
		case nethtml.EndTagToken:
			token := z.Token()
			switch token.Data {
			case "script", "style", "head", "title":
				skip = max(skip-1, 0)
			case "a":
				if n := len(links); n > 0 {
					if href := links[n-1]; href != "" && !strings.HasSuffix(out.String(), href) {
						out.WriteString(" (" + href + ")")
					}
					links = links[:n-1]
				}
			case "p", "h1", "h2", "h3", "h4", "h5", "h6", "div", "table":
				out.WriteString("\n")
			}
		}
	}
	return tidy(out.String())
}

var spaces = regexp.MustCompile(`[\s]+`)

// tidy trims lines and keeps at most one blank line between them.
func tidy(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.TrimSpace(blankLines.ReplaceAllString(strings.Join(lines, "\n"), "\n\n"))
}

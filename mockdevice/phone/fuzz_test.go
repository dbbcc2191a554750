package phone

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzVisible: whatever an OP writes, nothing on the page is unseen, and nothing of it
// is left out.
func FuzzVisible(f *testing.F) {
	f.Add("PAY 10\u202e00.1\u200b \u00a0x\xff  \n")
	f.Fuzz(func(t *testing.T, text string) {
		var readable, whole strings.Builder
		marks := 0
		for _, p := range visible(text) {
			readable.WriteString(p.Text)
			whole.WriteString(p.Text)
			if p.Mark != "" {
				marks++
			}
		}
		hidden := 0
		for i, r := range text {
			if hiddenName(r, text[i:]) != "" {
				hidden++
			}
		}
		if hidden != marks || utf8.RuneCountInString(text) != utf8.RuneCountInString(whole.String())+marks {
			t.Fatalf("%q: %d hidden, %d marks", text, hidden, marks)
		}
		const unseen = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200e\u200f\ufeff\x00\x1b\r\n"
		if strings.ContainsAny(readable.String(), unseen) || !utf8.ValidString(readable.String()) {
			t.Fatalf("%q is shown as %q", text, readable.String())
		}
	})
}

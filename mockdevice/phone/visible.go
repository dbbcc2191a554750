package phone

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// piece is a run of a text as the page shows it: readable, or a character that
// would be invisible or move its neighbours, shown by its number and name.
type piece struct {
	Text string
	Mark string // U+202E
	Name string // what the character does
}

// visible splits foreign text so that nothing in it stays unseen.
func visible(text string) []piece {
	var pieces []piece
	start := 0
	for i, r := range text {
		name := hiddenName(r, text[i:])
		if name == "" {
			continue
		}
		if start < i {
			pieces = append(pieces, piece{Text: text[start:i]})
		}
		pieces = append(pieces, piece{Mark: fmt.Sprintf("U+%04X", r), Name: name})
		start = i + width(r, text[i:])
	}
	if start < len(text) {
		pieces = append(pieces, piece{Text: text[start:]})
	}
	return pieces
}

// width is the length of a character in the text; one byte if it is broken there.
func width(r rune, rest string) int {
	if r == utf8.RuneError {
		_, size := utf8.DecodeRuneInString(rest)
		return size
	}
	return utf8.RuneLen(r)
}

// named are the characters that have been used to deceive, by what they do.
var named = map[rune]string{
	'\t': "tab", '\n': "line break", '\r': "carriage return", 0x1B: "escape", 0x00: "null",
	0x00A0: "no-break space", 0x00AD: "soft hyphen", 0x034F: "joiner that shows nothing", 0x061C: "Arabic letter mark",
	0x115F: "filler that shows nothing", 0x1160: "filler that shows nothing", 0x3164: "filler that shows nothing",
	0xFFA0: "filler that shows nothing", 0x17B4: "vowel that shows nothing", 0x17B5: "vowel that shows nothing", 0x2800: "blank pattern",
	0x200B: "zero-width space", 0x200C: "zero-width non-joiner", 0x200D: "zero-width joiner",
	0x200E: "left-to-right mark", 0x200F: "right-to-left mark",
	0x202A: "left-to-right embedding", 0x202B: "right-to-left embedding", 0x202C: "end of direction",
	0x202D: "left-to-right override", 0x202E: "right-to-left override",
	0x2028: "line separator", 0x2029: "paragraph separator", 0x2060: "word joiner",
	0x2066: "left-to-right isolate", 0x2067: "right-to-left isolate", 0x2068: "isolate", 0x2069: "end of isolate",
	0xFEFF: "byte order mark", utf8.RuneError: "unreadable byte",
}

// hiddenName names a character nobody would see, or is empty.
func hiddenName(r rune, rest string) string {
	switch name, ok := named[r]; {
	case ok:
		return name
	case r == ' ':
		// A blank is visible between two letters only.
		if len(rest) == 1 || rest[1] == ' ' {
			return "space"
		}
		return ""
	case unicode.Is(unicode.Zs, r):
		return "unusual space"
	case unicode.Is(unicode.Variation_Selector, r):
		return "variation selector"
	case unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point):
		return "invisible character"
	case unicode.IsControl(r):
		return "control character"
	case unicode.In(r, unicode.Co, unicode.Noncharacter_Code_Point):
		return "character without meaning"
	}
	return ""
}

// labelOf writes the name of a member for people: "limit_price" as "Limit price". A
// name of other characters stays as it is.
func labelOf(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '.' || r == '-' || r == ':' })
	for _, word := range words {
		if strings.ContainsFunc(word, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			return name
		}
	}
	if len(words) == 0 {
		return name
	}
	label := strings.Join(words, " ")
	return strings.ToUpper(label[:1]) + label[1:]
}

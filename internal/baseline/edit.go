package baseline

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
	"go.yaml.in/yaml/v3"
)

// apply carries the plan out. A list that is written one entry below the other is edited
// by lines, so that no other line changes. Where there is no such list yet, the YAML
// nodes are edited, which keeps comments and may lay out the rest anew.
func (p *plan) apply(text []byte) ([]byte, error) {
	if len(p.changes)+len(p.removals)+len(p.added) == 0 && len(bytes.TrimSpace(text)) > 0 {
		return text, nil
	}
	document, list, err := listIn(text)
	if err != nil {
		return nil, err
	}
	if oneBelowTheOther(list) {
		return p.byLines(text, list)
	}
	return p.byNodes(document, list)
}

// listIn finds the list of known deviations, and makes an empty one where there is none.
func listIn(text []byte) (document, list *yaml.Node, err error) {
	document = &yaml.Node{}
	if err := yaml.Unmarshal(text, document); err != nil {
		return nil, nil, err
	}
	if len(document.Content) == 0 { // at most comments, which the parser drops
		text = append(bytes.TrimRight(text, "\n"), "\nknown:\n"...)
		if err := yaml.Unmarshal(text, document); err != nil {
			return nil, nil, err
		}
	}
	root := document.Content[0]
	for i := 0; i+1 < len(root.Content); i += 2 {
		if key, value := root.Content[i], root.Content[i+1]; key.Value == "known" {
			if value.LineComment != "" { // behind a list of one line; one of several lines has none
				key.LineComment, value.LineComment = value.LineComment, ""
			}
			return document, asList(value), nil
		}
	}
	list = asList(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"})
	root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "known"}, list)
	return document, list, nil
}

// asList makes an empty value an empty list.
func asList(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.ScalarNode {
		n.Kind, n.Tag, n.Value = yaml.SequenceNode, "!!seq", ""
	}
	return n
}

func oneBelowTheOther(list *yaml.Node) bool {
	return list.Kind == yaml.SequenceNode && len(list.Content) > 0 && list.Style&yaml.FlowStyle == 0
}

// byNodes edits the list and writes the whole document anew.
func (p *plan) byNodes(document, list *yaml.Node) ([]byte, error) {
	if list.Kind != yaml.SequenceNode {
		return nil, errors.New("known is no list")
	}
	var items []*yaml.Node
	for i, item := range list.Content {
		if _, gone := p.removals[i]; gone {
			continue
		}
		if outcome, changed := p.changes[i]; changed {
			member(item, "outcome").Value = string(outcome)
		}
		items = append(items, item)
	}
	for _, e := range p.added {
		item := &yaml.Node{}
		if err := item.Encode(e); err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	list.Content, list.Style = items, 0
	return encoded(document)
}

func encoded(n *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(n); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// member is the value of a mapping under a name; the schema has made sure of it.
func member(mapping *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i+1]
		}
	}
	return &yaml.Node{}
}

// byLines edits the text and leaves every other line as it is.
func (p *plan) byLines(text []byte, list *yaml.Node) ([]byte, error) {
	lines := strings.SplitAfter(string(text), "\n")
	if last := len(lines) - 1; lines[last] == "" {
		lines = lines[:last]
	} else {
		lines[last] += "\n"
	}
	dash := list.Column - 1
	end := endOf(lines, list, len(list.Content)-1, dash)
	fresh, err := p.fresh(list, dash)
	if err != nil {
		return nil, err
	}
	lines = slices.Insert(lines, end, fresh...)
	// It goes from the end, so that the places before stay true.
	for i, item := range slices.Backward(list.Content) {
		if outcome, changed := p.changes[i]; changed {
			replace(lines, member(item, "outcome"), outcome)
		}
		if _, gone := p.removals[i]; gone {
			lines = slices.Delete(lines, item.Line-1, endOf(lines, list, i, dash))
		}
	}
	return []byte(strings.Join(lines, "")), nil
}

// endOf is the line after an entry. Whatever stands further in than its dash is of the
// entry; a comment at the dash or before belongs to what follows.
func endOf(lines []string, list *yaml.Node, i, dash int) int {
	end := list.Content[i].Line // of the entry's first line, counted from 1, so the one after it from 0
	limit := len(lines)
	if i+1 < len(list.Content) {
		limit = list.Content[i+1].Line - 1
	}
	for at := end; at < limit; at++ {
		content := strings.TrimLeft(lines[at], " ")
		switch indent := len(lines[at]) - len(content); {
		case strings.TrimSpace(content) == "": // inside of the entry only when more of it follows
		case indent > dash:
			end = at + 1
		default:
			return end
		}
	}
	return end
}

// replace writes another outcome where one stands. Where it does not stand as expected,
// the line stays, and [plan.arrived] refuses the edit.
func replace(lines []string, at *yaml.Node, outcome result.Outcome) {
	line, from := []rune(lines[at.Line-1]), at.Column-1 // YAML counts characters
	if at.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		from++
	}
	to := from + len(at.Value)
	if to <= len(line) && string(line[from:to]) == at.Value {
		lines[at.Line-1] = string(line[:from]) + string(outcome) + string(line[to:])
	}
}

// fresh are the lines of the new entries, laid out as the last entry of the file is.
func (p *plan) fresh(list *yaml.Node, dash int) ([]string, error) {
	var lines []string
	for _, e := range p.added {
		item := &yaml.Node{}
		if err := item.Encode(e); err != nil {
			return nil, err
		}
		item.Style = list.Content[len(list.Content)-1].Style & yaml.FlowStyle
		text, err := encoded(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{item}})
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			lines = append(lines, strings.Repeat(" ", dash)+line)
		}
	}
	return lines, nil
}

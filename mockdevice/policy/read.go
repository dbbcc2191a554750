package policy

import (
	"bytes"
	_ "embed" // the schema and the example
	"fmt"
	"slices"

	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

//go:embed example.yaml
var example []byte

// Example is a policy file with everything there is, explained line by line.
func Example() []byte { return bytes.Clone(example) }

//go:embed schema.json
var schemaDocument []byte

// The text of a policy may come over the network, so nothing in it is expanded.
var fileKind = yamlfile.Kind{
	Schema: yamlfile.NewSchema(schemaDocument),
	Empty:  `"cibatest device example policy" prints one to start from`,
}

// Schema is the JSON Schema of policy files, for editors and other tools.
func Schema() []byte { return fileKind.Schema.Document() }

// Load reads a policy file. Mistakes in it are [yamlfile.Problems].
func Load(path string) (*Rules, error) {
	file, err := fileKind.Load(path, yamlfile.Env{})
	if err != nil {
		return nil, err
	}
	return readRules(file)
}

// Parse reads the text of a policy file; name is for messages. An error is of type
// [yamlfile.Problems] and holds every mistake with its place.
func Parse(name string, text []byte) (*Rules, error) {
	return readRules(fileKind.Parse(name, text, yamlfile.Env{}))
}

// readRules reads whatever fits, so that all mistakes are told at once.
func readRules(file *yamlfile.File) (*Rules, error) {
	root := file.Root()
	rs := &Rules{seed: 1, otherwise: effect{hold: true}, source: file.Text()}
	if at := root.At("seed"); at.Exists() {
		rs.seed = at.Int()
	}
	if at := root.At("otherwise"); at.Exists() {
		rs.otherwise = readEffect(at)
	}
	for i, at := range root.At("rules").Items() {
		rs.rules = append(rs.rules, rs.readRule(at, fmt.Sprintf("#%d", i+1)))
	}
	if err := file.Err(); err != nil {
		return nil, err
	}
	return rs, nil
}

// readRule reads one rule, which has its number as name unless the file gives one.
func (rs *Rules) readRule(at yamlfile.Place, name string) *rule {
	r := &rule{name: name, when: rs.readWhen(at.At("when"))}
	if given := at.At("name"); given.Exists() {
		r.name = given.Text()
		if slices.ContainsFunc(rs.rules, func(other *rule) bool { return other.name == r.name }) {
			given.Wrong("%q names another rule already", r.name)
		}
	}
	if then := at.At("then"); then.Exists() {
		r.then = readEffect(then)
	}
	if mix := at.At("mix"); mix.Exists() {
		r.mix = readMix(mix)
	}
	r.pause = readDelay(at.At("delay"))
	return r
}

// readMix reads shares. They need not add up to 100; their sum is the whole.
func readMix(at yamlfile.Place) []share {
	var mix []share
	var sum float64
	for _, item := range at.Items() {
		sum += item.At("share").Float()
		s := share{upTo: sum, does: readEffect(item.At("then"))}
		if given := item.At("delay"); given.Exists() {
			pause := readDelay(given)
			s.pause = &pause
		}
		mix = append(mix, s)
	}
	if sum <= 0 {
		at.Wrong("the shares add up to nothing")
	}
	for i := range mix {
		mix[i].upTo /= sum
	}
	return mix
}

// holding is the word for no action at all.
const holding = "hold"

// readEffect reads what a rule does: a word, or a mapping with more.
func readEffect(at yamlfile.Place) effect {
	if !at.IsMapping() {
		e := effectOf(at.Text())
		if e.decision.Action == wire.Narrow {
			at.Wrong("narrow needs {act: narrow, scope: [...]} or {act: narrow, keep: {...}}")
		}
		return e
	}
	e := effectOf(at.At("act").Text())
	e.decision.Reason = at.At("reason").Text()
	e.decision.Error = at.At("error").Text()
	e.decision.ACR = at.At("acr").Text()
	for _, name := range at.At("faults").Texts() {
		if fault := wire.Fault(name); fault.OfDelivery() {
			e.decision.Faults = append(e.decision.Faults, fault)
		} else {
			e.inbound = append(e.inbound, fault)
		}
	}
	e.readNarrowing(at)
	return e
}

// effectOf is the effect of one word.
func effectOf(word string) effect {
	if word == holding {
		return effect{hold: true}
	}
	return effect{decision: wire.Decision{Action: wire.Action(word)}}
}

// readNarrowing makes an approval of what grants less than was asked.
func (e *effect) readNarrowing(at yamlfile.Place) {
	scope, keep := at.At("scope"), at.At("keep")
	action := &e.decision.Action
	switch narrows := scope.Exists() || keep.Exists(); {
	case narrows && *action != wire.Narrow && *action != wire.Approve:
		at.Wrong("scope and keep are for narrow")
	case !narrows && *action == wire.Narrow:
		at.Wrong("narrow needs scope or keep")
	case narrows:
		*action, e.narrow = wire.Approve, &narrowing{scope: scope.Texts()}
		if keep.Exists() {
			e.narrow.keep = readMatcher(keep)
		}
	}
}

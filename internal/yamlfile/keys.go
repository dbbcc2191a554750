package yamlfile

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Key is what a schema says of one key that a file may have.
type Key struct {
	Path        string   // with dots, items of a list left out: "clients.auth_method"
	Description string   // the schema's
	Type        string   // "string", "list", or empty where values say it
	Values      []string // the ones that are allowed; nil: any of the type
	Required    bool     // where the mapping that it is in is there
}

// Keys are all keys that a file may have, in the order of the schema, each before the keys
// below it.
func (s *Schema) Keys() []Key {
	var document yaml.Node
	if yaml.Unmarshal(s.document, &document) != nil || len(document.Content) == 0 { // JSON is YAML, and nodes keep their order
		return nil
	}
	w := keyWalk{root: document.Content[0]}
	w.below(w.root, "")
	return w.keys
}

// Paths are the paths of all keys.
func (s *Schema) Paths() []string {
	var paths []string
	for _, k := range s.Keys() {
		paths = append(paths, k.Path)
	}
	return paths
}

// Explain is a key by its path, and those directly below it. An empty path is the whole file.
func (s *Schema) Explain(path string) (of Key, below []Key, err error) {
	if path == "" {
		return Key{}, s.Below(""), nil
	}
	of, err = s.Key(path)
	return of, s.Below(path), err
}

// Key finds a key by its path. The error names the key that was probably meant, or those
// that there are.
func (s *Schema) Key(path string) (Key, error) {
	keys := s.Keys()
	if i := slices.IndexFunc(keys, func(k Key) bool { return k.Path == path }); i >= 0 {
		return keys[i], nil
	}
	parent, name := "", path
	if i := strings.LastIndex(path, "."); i >= 0 {
		parent, name = path[:i], path[i+1:]
	}
	var beside, all []string
	for _, k := range keys {
		all = append(all, k.Path)
		if over, last := cutLast(k.Path); over == parent {
			beside = append(beside, last)
		}
	}
	if len(beside) == 0 {
		return Key{}, fmt.Errorf("there is no key %q; %s", path, Instead(path, all))
	}
	return Key{}, fmt.Errorf("there is no key %q; %s", path, Instead(name, beside))
}

func cutLast(path string) (parent, name string) {
	if i := strings.LastIndex(path, "."); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

// Below are the keys directly below a path.
func (s *Schema) Below(path string) []Key {
	return slices.DeleteFunc(s.Keys(), func(k Key) bool {
		parent, _ := cutLast(k.Path)
		return parent != path
	})
}

// keyWalk goes through the nodes of a schema.
type keyWalk struct {
	root *yaml.Node
	keys []Key
}

// below adds the keys of a mapping, and of the items of a list.
func (w *keyWalk) below(node *yaml.Node, path string) {
	node = w.resolved(node)
	if items := member(node, "items"); items != nil {
		w.below(items, path)
	}
	properties := member(node, "properties")
	if properties == nil {
		return
	}
	required := scalars(member(node, "required"))
	for i := 0; i+1 < len(properties.Content); i += 2 {
		name, of := properties.Content[i].Value, properties.Content[i+1]
		key := Key{Path: join(path, name), Required: slices.Contains(required, name)}
		target := w.resolved(of)
		key.Description = textOf(member(of, "description"), member(target, "description"))
		key.Type, key.Values = typeOf(target), slices.DeleteFunc(scalars(member(target, "enum")), func(v string) bool { return v == "" })
		w.keys = append(w.keys, key)
		w.below(of, key.Path)
	}
}

// resolved follows a reference within the schema.
func (w *keyWalk) resolved(node *yaml.Node) *yaml.Node {
	ref := member(node, "$ref")
	if ref == nil {
		return node
	}
	at := w.root
	for step := range strings.SplitSeq(strings.TrimPrefix(ref.Value, "#/"), "/") {
		at = member(at, step)
	}
	return at
}

// member is a value of a mapping, nil where there is none.
func member(node *yaml.Node, name string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i+1]
		}
	}
	return nil
}

// scalars are the texts of a list.
func scalars(node *yaml.Node) []string {
	if node == nil {
		return nil
	}
	var list []string
	for _, item := range node.Content {
		list = append(list, item.Value)
	}
	return list
}

// textOf is the first text that is there.
func textOf(nodes ...*yaml.Node) string {
	for _, n := range nodes {
		if n != nil && n.Value != "" {
			return n.Value
		}
	}
	return ""
}

// typeOf says what a value is, in the words of YAML.
func typeOf(node *yaml.Node) string {
	of := member(node, "type")
	name := textOf(of)
	if of != nil && of.Kind == yaml.SequenceNode { // such as object or null
		name = of.Content[0].Value
	}
	words := map[string]string{"object": "mapping", "array": "list", "boolean": "true or false"}
	if word, known := words[name]; known {
		return word
	}
	return name
}

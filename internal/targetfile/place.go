package targetfile

import (
	"fmt"
	"path/filepath"

	"github.com/cibatest/cibatest/internal/yamlfile"
)

// places are the lines of what a run may have to complain of, by their names.
type places map[string]int

// placesIn notes where clients, users and the members of the file stand.
func placesIn(root yamlfile.Place, t *Target) places {
	known := places{}
	for _, member := range root.Members() {
		known[member.Name()] = member.Line()
	}
	for i, c := range t.Clients {
		known["clients."+c.Name] = root.At("clients").Item(i).Line()
	}
	for i, u := range t.Users {
		known["users."+u.Name] = root.At("users").Item(i).Line()
	}
	for i := range t.RAR.Valid {
		known[fmt.Sprintf("rar.valid[%d]", i)] = root.At("rar").At("valid").Item(i).Line()
	}
	return known
}

// Where is the place of a part of the target file for people, such as "op.yaml:12". The part
// is a member, "clients.NAME", "users.NAME" or "rar.valid[0]". What does not stand in the
// file, or was made without one, is "the target file".
func (t *Target) Where(part string) string {
	line := t.places[part]
	if line == 0 {
		return "the target file"
	}
	return fmt.Sprintf("%s:%d", filepath.Base(t.file), line)
}

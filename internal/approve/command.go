package approve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/cibatest/cibatest/internal/targetfile"
)

// byCommand runs a command of the OP's test set-up. Values stand in words of their
// own or in parts of them, and in the environment as CIBATEST_AUTH_REQ_ID,
// CIBATEST_ACTION, CIBATEST_LOGIN_HINT, CIBATEST_USER, CIBATEST_SUB and
// CIBATEST_AUTHORIZATION_DETAILS.
type byCommand struct {
	command []string
	words   targetfile.Actions
	section string // of the target file
}

// pipePatience is how long the output of a command is waited for once it has ended,
// since a child that it left behind may hold the pipe.
const pipePatience = 2 * time.Second

func newByCommand(config targetfile.Approval) (*byCommand, error) {
	if err := checkCommand(config.Command); err != nil {
		return nil, fmt.Errorf("%s.command: %w", sectionOf(config), err)
	}
	return &byCommand{config.Command, config.Actions, sectionOf(config)}, nil
}

// decide runs the command once. What it prints is shown only when it fails, short and
// quoted.
func (w *byCommand) decide(ctx context.Context, d Decision) error {
	v := valuesOf(d, w.words)
	argv, err := v.argv(w.command)
	if err != nil {
		return fmt.Errorf("%s.command: %w", w.section, err)
	}
	variables, err := v.environment()
	if err != nil {
		return fmt.Errorf("%s.command: %w", w.section, err)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // the target file names the command, and values are data
	cmd.Env = append(os.Environ(), variables...)
	cmd.WaitDelay = pipePatience
	out, err := cmd.CombinedOutput()
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) { // the command itself has succeeded then
		return fmt.Errorf("%s.command: %w: %.200q", w.section, err, out)
	}
	return nil
}

// namesRequest looks for the auth_req_id in the words and, as a variable, in a line of
// a shell. What a program reads from its environment on its own cannot be seen.
func (w *byCommand) namesRequest() bool {
	return slices.ContainsFunc(w.command, func(word string) bool {
		return namesRequest(word) || strings.Contains(word, variable("auth_req_id"))
	})
}

func (*byCommand) repeatable() bool { return true }

// variable is the name of the environment variable that holds a value.
func variable(name string) string { return "CIBATEST_" + strings.ToUpper(name) }

// environment is all values as variables, in which NUL is the only character that
// cannot stand.
func (v values) environment() ([]string, error) {
	var list []string
	for name, value := range v {
		if strings.ContainsRune(value, 0) {
			return nil, fmt.Errorf("%s has a NUL, which no command can be given", name)
		}
		list = append(list, variable(name)+"="+value)
	}
	return list, nil
}

// argv fills the words of a command. A value must not be what a command would take
// for an option, nor what it would read as more than a piece of text.
func (v values) argv(command []string) ([]string, error) {
	argv := make([]string, len(command))
	optionsOver := false
	for i, template := range command {
		for _, m := range placeholder.FindAllStringSubmatch(template, -1) {
			if strings.ContainsFunc(v[m[1]], unicode.IsControl) {
				return nil, fmt.Errorf("%s has control characters, so it is not handed to a command", m[1])
			}
		}
		argv[i] = v.fill(template, func(_, value string) string { return value })
		if !optionsOver && strings.HasPrefix(argv[i], "-") && !strings.HasPrefix(template, "-") {
			return nil, fmt.Errorf(`%s begins with "-" and would be taken for an option; put "--" before it, or let the command read %s`,
				firstName(template), variable(firstName(template)))
		}
		optionsOver = optionsOver || template == "--"
	}
	return argv, nil
}

func firstName(template string) string { return placeholder.FindStringSubmatch(template)[1] }

// Programs that read some of their words as a line of a language.
var (
	// interpreters read the word after a flag such as -c or -e.
	interpreters = []string{
		"sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "busybox", "su", "python", "python3", "perl", "ruby", "node", "php",
	}
	lineFlag = regexp.MustCompile(`^-[A-Za-z]*[cer]$`)

	// joiners put all words after the first together to one line.
	joiners = []string{"cmd", "cmd.exe", "powershell", "powershell.exe", "pwsh", "ssh", "eval"}
)

// checkCommand refuses a command in which a value would become part of a line that a
// shell or another language reads: what an OP sends could then run on this machine.
func checkCommand(command []string) error {
	read := "" // the program that reads the next words as a line
	for i, word := range command {
		name := path.Base(strings.ReplaceAll(word, `\`, "/"))
		afterC := i > 0 && command[i-1] == "-c"
		switch {
		case !hasPlaceholder(word):
			if slices.Contains(interpreters, name) || slices.Contains(joiners, name) {
				read = name
			}
		case i == 0:
			return fmt.Errorf("the program may not be a placeholder, but is %q", word)
		case slices.Contains(joiners, read), slices.Contains(interpreters, read) && lineFlag.MatchString(command[i-1]):
			return lineError(word, read)
		case afterC && placeholder.ReplaceAllString(word, "") != "":
			return lineError(word, command[0])
		}
	}
	return nil
}

// lineError tells how to hand over the value without a line.
func lineError(word, reader string) error {
	name := firstName(word)
	return fmt.Errorf("{%s} stands in a line that %s reads as code, where what the OP sends could run on this machine; "+
		`give it as a word of its own behind the line, or write "$%s" in the line`, name, reader, variable(name))
}

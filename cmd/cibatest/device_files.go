package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/mockdevice"
	"github.com/cibatest/cibatest/mockdevice/policy"
	"github.com/spf13/cobra"
)

// deviceFiles are the kinds of files that a device reads.
var deviceFiles = []string{"policy", "adapters"}

func newDeviceExample() *cobra.Command {
	return printing("example", "Print a policy or adapter file with everything there is, to start from",
		"  cibatest device example policy > rules.yaml\n  cibatest device example adapters > adapters.yaml",
		map[string]func() []byte{"policy": policy.Example, "adapters": mockdevice.ExampleAdapters})
}

func newDeviceSchema() *cobra.Command {
	cmd := printing("schema", "Print the JSON Schema of policy or adapter files, for editors",
		"  cibatest device schema policy > policy.schema.json\n  cibatest device schema adapters > adapters.schema.json",
		map[string]func() []byte{"policy": policy.Schema, "adapters": mockdevice.AdaptersSchema})
	cmd.Long = `Prints the JSON Schema. An editor with a YAML language server completes and explains a
file beside it whose first line is

  # yaml-language-server: $schema=policy.schema.json`
	return cmd
}

// printing is a command that prints a document for a kind of file.
func printing(verb, short, examples string, documents map[string]func() []byte) *cobra.Command {
	return &cobra.Command{
		Use: verb + " policy|adapters", Short: short, Example: examples,
		Args: cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs), ValidArgs: deviceFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := cmd.OutOrStdout().Write(documents[args[0]]())
			return err
		},
	}
}

func newDeviceExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain POLICY [REQUEST.json]",
		Short: "Say which rule of a policy file would fire for a request, and why the others would not",
		Long: `Validates the policy file and reads one request as an OP would post it, from the file or
from standard input ("-"). Without a request only the file is validated.`,
		Example: `  cibatest device explain rules.yaml request.json
  echo '{"client_id":"agent-1","scope":"openid"}' | cibatest device explain rules.yaml -`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			rules, err := policy.Load(args[0])
			if err != nil {
				return usage(err)
			}
			if len(args) == 1 {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %d rules, no mistakes\n", args[0], rules.Len())
				return nil
			}
			return explainRequest(cmd, rules, args[1])
		},
	}
}

func newDeviceRead() *cobra.Command {
	return &cobra.Command{
		Use:   "read ADAPTERS INBOX [MESSAGE]",
		Short: "Say what request an inbox of an adapter file makes of a message, or why none",
		Long: `Reads a message as it comes by the road of the inbox, from the file or from standard input:
a mail with its header, the form of a text message, or the JSON of a push message. Prints
the request, and after it the text that the patterns of the inbox search. Nobody is asked
and nothing is sent.

Exit code 1 when the message is no request.`,
		Example: `  cibatest device read adapters.yaml mail message.eml
  echo 'From=%2B1&To=alice&Body=Your code is 123456' | cibatest device read adapters.yaml sms`,
		Args: cobra.RangeArgs(2, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			adapters, err := mockdevice.LoadAdapters(args[0])
			if err != nil {
				return usage(err)
			}
			i := slices.IndexFunc(adapters.Inboxes, func(b mockdevice.Inbox) bool { return b.Name == args[1] })
			if i < 0 {
				return usage(fmt.Errorf("%s has no inbox %q; its dialects are %s", args[0], args[1], strings.Join(adapters.Names(), ", ")))
			}
			text, err := readInput(cmd, append(args, "-")[2])
			if err != nil {
				return err
			}
			return showMessage(cmd.OutOrStdout(), adapters.Inboxes[i], text)
		},
	}
}

// showMessage prints the request of a message and what was searched for it.
func showMessage(out io.Writer, b mockdevice.Inbox, raw []byte) error {
	m, request, err := b.Read(raw)
	if err == nil {
		request.Message = nil // which follows, whole
		if err := writeIndented(out, request); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "--- to %s, subject and text:\n%s\n", m.To, m.Subject+"\n"+m.Text)
	if err != nil {
		return &exitError{exitNonConformant, fmt.Errorf("the message is no request: %w", err)}
	}
	return nil
}

func explainRequest(cmd *cobra.Command, rules *policy.Rules, file string) error {
	text, err := readInput(cmd, file)
	if err != nil {
		return err
	}
	var request mockdevice.Request
	if err := json.Unmarshal(text, &request); err != nil {
		return usage(fmt.Errorf("%s: %w", file, err))
	}
	return writeIndented(cmd.OutOrStdout(), rules.Explain(request))
}

// readInput reads a file that the user names, or standard input for "-".
func readInput(cmd *cobra.Command, file string) ([]byte, error) {
	in := cmd.InOrStdin()
	if file != "-" {
		opened, err := os.Open(file) //nolint:gosec // the user names the file
		if err != nil {
			return nil, usage(err)
		}
		defer func() { _ = opened.Close() }()
		in = opened
	}
	text, err := readAtMost(in, maxInput)
	if err != nil {
		return nil, usage(err)
	}
	return text, nil
}

func writeIndented(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

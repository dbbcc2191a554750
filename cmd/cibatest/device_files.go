package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

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

func explainRequest(cmd *cobra.Command, rules *policy.Rules, file string) error {
	in := cmd.InOrStdin()
	if file != "-" {
		opened, err := os.Open(file) //nolint:gosec // the user names the file
		if err != nil {
			return usage(err)
		}
		defer func() { _ = opened.Close() }()
		in = opened
	}
	text, err := readAtMost(in, maxInput)
	if err != nil {
		return usage(err)
	}
	var request mockdevice.Request
	if err := json.Unmarshal(text, &request); err != nil {
		return usage(fmt.Errorf("%s: %w", file, err))
	}
	return writeIndented(cmd.OutOrStdout(), rules.Explain(request))
}

func writeIndented(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

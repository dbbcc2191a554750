package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// write prints a row for each package and for each part, then the methods of
// the types that readers have to know.
func write(out io.Writer, all []figures) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "files\tcode\tcomments\tfunctions\tmedian\tp90\tmax\ttest:code\twide\tpackage\t  longest file")
	for _, f := range all {
		writeRow(t, f.name, f)
	}
	fmt.Fprintln(t, strings.Repeat("\t", 10))
	for _, p := range parts {
		if packages := chosen(all, p.packages); len(packages) > 0 {
			writeRow(t, p.name, total(packages))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, v := range vocabularies {
		fmt.Fprintf(out, "\n%s has %d methods\n", v.name, total(chosen(all, v.packages)).methods[v.name])
	}
	return nil
}

func writeRow(t io.Writer, name string, f figures) {
	fmt.Fprintf(t, "%d\t%d\t%.1f %%\t%d\t%d\t%d\t%d\t%.2f\t%d\t%s\t  %s %d\n",
		f.files, f.code, 100*f.share(),
		len(f.functions), f.quantile(0.5), f.quantile(0.9), f.quantile(1),
		f.tests(), len(f.wide), name, f.longest, f.longestLines)
}

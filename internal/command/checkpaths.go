package command

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/parallel"
	"github.com/neurondex/neurondex/registry"
)

// The limits of probing, which keep the load on servers low and the total time bounded.
const (
	probeTimeout = 10 * time.Second // per attempt
	probeRetries = 2                // after network errors, 429 and 5xx
	probesAtOnce = 8
)

// A probe checks whether the path of a dataset can be reached.
type probe struct {
	document registry.Document
	index    int
	dataset  registry.Spec // of the document, at index
	target   string        // the URL or path that was checked
	state    string        // one of the constants below
	detail   string
}

const (
	probeOK        = "ok"
	probeFailed    = "FAILED"
	probeUnchecked = "unchecked"
)

// A prober runs probes.
type prober struct{ client *retryablehttp.Client }

func newProber() *prober {
	client := retryablehttp.NewClient()
	client.RetryMax = probeRetries
	client.RetryWaitMin, client.RetryWaitMax = 200*time.Millisecond, 5*time.Second
	client.HTTPClient.Timeout = probeTimeout
	client.Logger = nil
	// Return the last response, which says more than the number of attempts.
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return &prober{client}
}

// recordURL returns the URL of one record of a dataset, that of unit 0 in layer 0. It follows
// neuron_explainer/activations/activations.py of the Transformer Debugger: the path of the
// dataset, the layer, and the unit with the record format as its extension.
func recordURL(s *registry.Spec) string {
	format := s.RecordFormat
	if format == "" {
		format = "json"
	}
	return strings.TrimSuffix(s.NeuronDatasetPath, "/") + "/0/0." + format
}

// run probes the path of r's dataset and sets the result in r.
func (p *prober) run(ctx context.Context, r *probe) {
	u, err := url.Parse(r.dataset.NeuronDatasetPath)
	switch {
	case err != nil || len(u.Scheme) <= 1 || u.Scheme == "file": // C:\data has a scheme of one letter
		r.target = r.dataset.NeuronDatasetPath
		if err == nil && u.Scheme == "file" {
			r.target = filepath.FromSlash(u.Path)
		}
		if _, err := os.Stat(r.target); err != nil {
			r.state, r.detail = probeFailed, err.Error()
		} else {
			r.state, r.detail = probeOK, "exists"
		}
	case u.Scheme == "http" || u.Scheme == "https":
		r.target = recordURL(&r.dataset)
		p.ask(ctx, r)
	default:
		r.target, r.state, r.detail = r.dataset.NeuronDatasetPath, probeUnchecked, u.Scheme+":// paths cannot be checked"
	}
}

// ask requests the headers of a record, or its first byte if the server rejects HEAD.
func (p *prober) ask(ctx context.Context, r *probe) {
	status, err := p.request(ctx, http.MethodHead, r.target)
	switch status {
	case http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		status, err = p.request(ctx, http.MethodGet, r.target)
	}
	switch {
	case err != nil:
		r.state, r.detail = probeFailed, err.Error()
	case status == http.StatusOK || status == http.StatusPartialContent:
		r.state, r.detail = probeOK, fmt.Sprint("HTTP ", status)
	default:
		r.state, r.detail = probeFailed, fmt.Sprintf("HTTP %d %s", status, http.StatusText(status))
	}
}

// request sends a request and returns the status of the response.
func (p *prober) request(ctx context.Context, method, target string) (status int, err error) {
	req, err := retryablehttp.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("User-Agent", "neurondex")
	if method == http.MethodGet {
		req.Header.Set("Range", "bytes=0-0")
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// checkPaths probes the path of every dataset and adds to the reports a diagnostic for each
// dataset whose path cannot be reached, and one for each kind of path that cannot be checked.
func (v validation) checkPaths(ctx context.Context, p *prober, reports []fileReport) []probe {
	var probes []probe
	for _, r := range reports {
		for i, s := range r.document.Datasets {
			probes = append(probes, probe{document: r.document, index: i, dataset: s})
		}
	}
	bar := newProgress(v.progress, "checking paths", len(probes), 1)
	parallel.For(len(probes), probesAtOnce, func(i int) {
		p.run(ctx, &probes[i])
		_ = bar.Add(1) // only fails to print
	})
	_ = bar.Finish()
	p.client.HTTPClient.CloseIdleConnections()
	var found config.Diagnostics
	type kind struct{ file, detail string }
	unchecked := make(map[kind]int) // in found
	for i := range probes {
		switch r := &probes[i]; r.state {
		case probeFailed:
			found = append(found, r.diagnostic(config.SeverityError, config.RuleUnreachablePath,
				fmt.Sprintf("cannot reach the path of %v: %s", r.dataset.Key(), r.detail)))
		case probeUnchecked:
			k := kind{r.document.Name, r.detail}
			if at, ok := unchecked[k]; ok {
				found[at].Datasets = max(found[at].Datasets, 1) + 1
				continue
			}
			unchecked[k] = len(found)
			found = append(found, r.diagnostic(config.SeverityWarning, config.RuleUncheckedPath, r.detail))
		}
	}
	attach(reports, found, v.parsing)
	return probes
}

// diagnostic returns a diagnostic about the path of the dataset.
func (r *probe) diagnostic(s config.Severity, rule config.Rule, message string) config.Diagnostic {
	d := config.DatasetDiagnostic(r.document, r.index, "neuron_dataset_path", s, rule)
	d.Value, d.Message = r.dataset.NeuronDatasetPath, message
	return d
}

// writeProbes writes a table of all probes.
func writeProbes(w io.Writer, probes []probe) error {
	rows := [][]string{{"RESULT", "DATASET", "TARGET", "DETAIL"}}
	for _, p := range probes {
		rows = append(rows, []string{p.state, cell(p.dataset.Key().String()), cell(p.target), cell(p.detail)})
	}
	return printTable(w, rows)
}

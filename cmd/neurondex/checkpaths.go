package main

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

// How paths are probed: politely, and never for ever.
const (
	probeTimeout = 10 * time.Second // of one attempt
	probeRetries = 2                // after network errors, 429 and 5xx
	probesAtOnce = 8
)

// A probe is one dataset's path, and what was found there.
type probe struct {
	file    string
	dataset registry.Spec
	target  string // what was asked for
	state   string // one of the below
	detail  string
}

const (
	probeOK      = "ok"
	probeFailed  = "FAILED"
	probeSkipped = "skipped"
)

// A prober looks whether there is something at a path.
type prober struct{ client *retryablehttp.Client }

func newProber() *prober {
	client := retryablehttp.NewClient()
	client.RetryMax = probeRetries
	client.RetryWaitMin, client.RetryWaitMax = 200*time.Millisecond, 5*time.Second
	client.HTTPClient.Timeout = probeTimeout
	client.Logger = nil
	// The answer of the last attempt says more than that there were several.
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return &prober{client}
}

// recordURL returns where one record of a dataset is: that of unit 0 in layer 0. The
// template is that of the Transformer Debugger's neuron_explainer/activations/activations.py:
// the dataset's path, the layer, and the unit with the record format at its end.
func recordURL(s *registry.Spec) string {
	format := s.RecordFormat
	if format == "" {
		format = "json"
	}
	return strings.TrimSuffix(s.NeuronDatasetPath, "/") + "/0/0." + format
}

// run probes a dataset's path.
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
			r.state, r.detail = probeOK, "is there"
		}
	case u.Scheme == "http" || u.Scheme == "https":
		r.target = recordURL(&r.dataset)
		p.ask(ctx, r)
	default:
		r.target, r.state, r.detail = r.dataset.NeuronDatasetPath, probeSkipped, "a "+u.Scheme+":// path cannot be probed"
	}
}

// ask asks for a record's head, and where a server does not give it, for its first byte.
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

// checkPaths probes the path of every dataset and adds to the reports where there is
// nothing.
func checkPaths(ctx context.Context, p *prober, reports []fileReport, progress io.Writer) []probe {
	var probes []probe
	for _, r := range reports {
		for _, s := range r.documents.Datasets {
			probes = append(probes, probe{file: r.name, dataset: s})
		}
	}
	bar := newProgress(progress, "probing paths", len(probes), 1)
	parallel.For(len(probes), probesAtOnce, func(i int) {
		p.run(ctx, &probes[i])
		_ = bar.Add(1) // it only shows
	})
	_ = bar.Finish()
	p.client.HTTPClient.CloseIdleConnections()
	for _, probe := range probes {
		if probe.state != probeFailed {
			continue
		}
		for i := range reports {
			if reports[i].name == probe.file {
				reports[i].found = append(reports[i].found, config.Diagnostic{
					Severity: config.SeverityError, Rule: config.RuleUnreachablePath, File: probe.file, Line: probe.dataset.Line, Column: 1,
					Field: "neuron_dataset_path", Value: probe.dataset.NeuronDatasetPath,
					Message: fmt.Sprintf("nothing is at the path of %v: %s", probe.dataset.Key(), probe.detail)})
				break
			}
		}
	}
	return probes
}

func writeProbes(w io.Writer, probes []probe) error {
	rows := [][]string{{"PATH", "DATASET", "PROBED", "RESULT"}}
	for _, p := range probes {
		rows = append(rows, []string{p.state, cell(p.dataset.Key().String()), cell(p.target), cell(p.detail)})
	}
	return printTable(w, rows)
}

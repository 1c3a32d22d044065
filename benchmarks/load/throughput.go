package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A route is what is asked of both servers. They send the same body.
type route struct {
	name, path  string
	conditional bool // with the tag of the list, so that the answer is 304
	least       float64
}

var routes = []route{
	{"the full list of nine", "/v1/datasets", false, 0.8},
	{"the same, 304", "/v1/datasets", true, 0.9},
	{"one dataset by key", "/v1/datasets/gpt2-xl/mlp_post_act", false, 0.8},
}

// throughputLoad says for how long to ask.
type throughputLoad struct {
	connections int
	turns       int // of each server, in alternation
	turn        time.Duration
}

// A comparison is the medians of the requests a second of one route, and of the ratio of two turns
// that followed each other: the speed of a machine may change from minute to minute.
type comparison struct {
	route
	ours, fixed, ratio float64
}

// throughput compares a server with [serveFixed], which sends byte slices.
func throughput(ctx context.Context, ours *server, log *os.File, dir string, load throughputLoad) ([]comparison, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var results []comparison
	for i, r := range routes {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+ours.address+r.path, nil)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Accept-Encoding", "identity") // as the load asks for it
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(response.Body)
		if err = errors.Join(err, response.Body.Close()); err != nil {
			return nil, err
		}
		file := filepath.Join(dir, fmt.Sprintf("body%d", i))
		if err := os.WriteFile(file, body, 0o600); err != nil {
			return nil, err
		}
		header, err := json.Marshal(response.Header)
		if err != nil {
			return nil, err
		}
		fixed, err := newServer(log, self, "fixed", "--body", file, "--header", string(header))
		if err != nil {
			return nil, err
		}
		if err := fixed.start(ctx); err != nil {
			return nil, err
		}
		result, err := compare(ctx, r, response.Header.Get("ETag"), ours, fixed, load)
		if err = errors.Join(err, fixed.stop()); err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}

func compare(ctx context.Context, r route, tag string, ours, fixed *server, load throughputLoad) (comparison, error) {
	request, status := "GET "+r.path+" HTTP/1.1\r\nHost: localhost\r\n", http.StatusOK
	if r.conditional {
		request, status = request+"If-None-Match: "+tag+"\r\n", http.StatusNotModified
	}
	var rates [2][]float64
	var ratios []float64
	for turn := range load.turns {
		for i, s := range []*server{ours, fixed} {
			rate, err := ask(ctx, s.address, []byte(request+"\r\n"), status, load)
			if err != nil {
				return comparison{}, fmt.Errorf("%s of %s: %w", r.path, s.address, err)
			}
			rates[i] = append(rates[i], rate)
		}
		ratios = append(ratios, rates[0][turn]/rates[1][turn])
	}
	return comparison{r, median(rates[0]), median(rates[1]), median(ratios)}, nil
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

// ask sends a request over and over for a turn, on several connections, and returns the
// requests a second. Another status than the expected one is an error.
func ask(ctx context.Context, address string, request []byte, status int, load throughputLoad) (float64, error) {
	start := time.Now()
	end := start.Add(load.turn)
	counts, errs := make([]int, load.connections), make([]error, load.connections)
	var asking sync.WaitGroup
	for i := range load.connections {
		asking.Go(func() {
			var c net.Conn
			if c, errs[i] = new(net.Dialer).DialContext(ctx, "tcp", address); errs[i] != nil {
				return
			}
			defer c.Close()
			if errs[i] = c.SetDeadline(end.Add(10 * time.Second)); errs[i] != nil {
				return
			}
			r := bufio.NewReaderSize(c, 64<<10)
			for time.Now().Before(end) && ctx.Err() == nil {
				if _, errs[i] = c.Write(request); errs[i] != nil {
					return
				}
				if errs[i] = skipResponse(r, status); errs[i] != nil {
					return
				}
				counts[i]++
			}
		})
	}
	asking.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / time.Since(start).Seconds(), errors.Join(errs...)
}

// skipResponse reads a response that has a Content-Length or no body. It does as little as
// possible, since both servers share the machine with it.
func skipResponse(r *bufio.Reader, status int) error {
	length, isFirst := 0, true
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		if isFirst {
			if fields := bytes.Fields(line); len(fields) < 2 || string(fields[1]) != strconv.Itoa(status) {
				return fmt.Errorf("%q instead of status %d", line, status)
			}
			isFirst = false
			continue
		}
		if len(line) == 0 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(": ")); strings.EqualFold(string(name), "Content-Length") {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return err
			}
		}
	}
	if status != http.StatusOK {
		return nil
	}
	if length == 0 {
		return errors.New("no Content-Length")
	}
	_, err := r.Discard(length)
	return err
}

// serveFixed serves the content of a file with net/http, with as little work as a handler can
// have: the headers that neurondex sends for the content, and the bytes. A response of 304 has the
// same headers as that of neurondex, too. The server has the timeouts of neurondex, as every server
// needs some.
func serveFixed(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("fixed", flag.ContinueOnError)
	address, file, sent := flags.String("listen", "", "address"), flags.String("body", "", "file"), flags.String("header", "{}", "header, as JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}
	body, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	var header http.Header
	if err := json.Unmarshal([]byte(*sent), &header); err != nil {
		return err
	}
	type field struct {
		name   string
		values []string
	}
	var always, others []field // always: in a response of 304 too
	for name, values := range header {
		switch name {
		case "Date": // net/http sets it
		case "Etag", "Cache-Control", "Vary":
			always = append(always, field{name, values})
		default:
			others = append(others, field{name, values})
		}
	}
	tag := header.Get("ETag")
	s := &http.Server{Addr: *address, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for _, f := range always {
			h[f.name] = f.values
		}
		if tag != "" && r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		for _, f := range others {
			h[f.name] = f.values
		}
		_, _ = w.Write(body) // a client that has left needs no response
	})}
	defer context.AfterFunc(ctx, func() { _ = s.Close() })()
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// A pageResult is the times of pages of a large registry, sorted.
type pageResult struct {
	path  string
	times []time.Duration
}

// pages asks one after the other for the first page of datasets that a filter matches.
func pages(ctx context.Context, s *server, paths []string, n int) ([]pageResult, error) {
	var results []pageResult
	for _, path := range paths {
		result := pageResult{path: path}
		for range n {
			start := time.Now()
			body, err := s.get(ctx, path)
			if err != nil {
				return nil, err
			}
			result.times = append(result.times, time.Since(start))
			if !bytes.Contains(body, []byte(`"shortName":"`)) {
				return nil, fmt.Errorf("GET %s: no dataset in %.200s", path, body)
			}
		}
		slices.Sort(result.times)
		results = append(results, result)
	}
	return results, nil
}

// writeMany writes files with many datasets, of a hundred models.
func writeMany(dir string, datasets int) error {
	const perFile = 1000
	for first := 0; first < datasets; first += perFile {
		var b strings.Builder
		for i := first; i < min(first+perFile, datasets); i++ {
			fmt.Fprintf(&b, "[[datasets]]\nshort_name = \"dataset-%d\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"Dataset %d\"\nneuron_dataset_path = \"https://host.example/%d\"\nmodel = \"model-%d\"\n", i, i, i, i%100)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%06d.toml", first)), []byte(b.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

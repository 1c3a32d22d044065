package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A server is a process that serves on loopback: neurondex, or what it is compared with. It may
// be restarted.
type server struct {
	binary  string
	args    []string
	address string
	log     *os.File
	cmd     *exec.Cmd
}

// build builds the command into a directory, and returns its path.
func build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "neurondex")
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/neurondex/neurondex").Output()
	if err != nil {
		return "", fmt.Errorf("run it in benchmarks: %w", err)
	}
	out, err := exec.CommandContext(ctx, "go", "build", "-C", strings.TrimSpace(string(root)), "-o", binary, "./cmd/neurondex").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
}

// newServer returns a server on a free port. Its arguments must accept --listen.
func newServer(log *os.File, binary string, args ...string) (*server, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	return &server{binary: binary, args: append(args, "--listen", address), address: address, log: log}, l.Close()
}

// start starts the process and waits until it is ready.
func (s *server) start(ctx context.Context) error {
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), s.binary, s.args...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
		if _, err := s.get(ctx, "/readyz"); err == nil {
			return nil
		}
	}
	return errors.Join(errors.New("the server is not ready; its log is "+s.log.Name()), s.stop())
}

// stop ends the process as a supervisor does.
func (s *server) stop() error {
	if s.cmd == nil {
		return nil
	}
	cmd := s.cmd
	s.cmd = nil
	_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	defer time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }).Stop()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("the server has ended: %w; its log is %s", err, s.log.Name())
	}
	return nil
}

// get returns the body of a response with the status 200.
func (s *server) get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, response.Status, body)
	}
	return body, err
}

// A status is what the server says of itself.
type status struct {
	Hash    string // of the content that it serves
	Streams int    // that are open
}

func (s *server) status(ctx context.Context) (status, error) {
	var st status
	body, err := s.get(ctx, "/v1/status")
	if err == nil {
		err = json.Unmarshal(body, &st)
	}
	if err == nil && st.Hash == "" {
		err = fmt.Errorf("no hash in %s", body)
	}
	return st, err
}

// memory returns the resident memory of the process in bytes, or 0 where the system does not
// tell.
func (s *server) memory() int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "VmRSS:" {
			kb, _ := strconv.ParseInt(fields[1], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// A publisher changes a file of a server's directory, and keeps the states that were served. They
// are read from the status, and so do not depend on what is tested.
type publisher struct {
	server *server
	dir    string
	names  *names
	start  time.Time

	mu     sync.Mutex
	states []int32
	times  []time.Duration // when the file was changed
}

// read adds the state that is served if it is another one, and reports whether it is.
func (p *publisher) read(ctx context.Context, changed time.Duration) (bool, error) {
	status, err := p.server.status(ctx)
	if err != nil {
		return false, err
	}
	state := p.names.number([]byte(status.Hash))
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.states); n > 0 && p.states[n-1] == state {
		return false, nil
	}
	p.states, p.times = append(p.states, state), append(p.times, changed)
	return true, nil
}

// last returns the last state.
func (p *publisher) last() int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.states[len(p.states)-1]
}

// publish makes n changes, one in each interval, and waits until each is served.
func (p *publisher) publish(ctx context.Context, n int, interval time.Duration) error {
	next := time.NewTicker(interval)
	defer next.Stop()
	for range n {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-next.C:
		}
		changed := time.Since(p.start)
		if err := p.write(); err != nil {
			return err
		}
		served := false
		for deadline := time.Now().Add(20 * time.Second); !served; {
			var err error
			if served, err = p.read(ctx, changed); err != nil {
				return err
			}
			if time.Now().After(deadline) {
				return errors.New("a change was not served within 20 s")
			}
			time.Sleep(time.Millisecond) // for the server to send events
		}
	}
	return nil
}

// write replaces a file by one with another dataset.
func (p *publisher) write() error {
	content := fmt.Sprintf("short_name = \"changing\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"Changing\"\nneuron_dataset_path = \"https://host.example/%d\"\n", time.Now().UnixNano())
	temporary := filepath.Join(p.dir, ".changing.tmp")
	if err := os.WriteFile(temporary, []byte(content), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(p.dir, "changing.toml"))
}

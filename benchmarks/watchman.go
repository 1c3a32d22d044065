package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/neurondex/neurondex/registry"
)

// watchmanPeers returns the peers that ask Watchman what changed, or a line that says why
// there are none.
func watchmanPeers() (peers []peer, missing string) {
	if _, err := exec.LookPath("watchman"); err != nil {
		return nil, "Watchman is skipped: it is not installed (apt-get install watchman)."
	}
	return []peer{watchman("Watchman, query alone", false), watchman("Watchman, then go-toml", true)}, ""
}

// watchman follows a directory with a Watchman server of its own. Its barrier is a
// synchronized query for the files that changed since the last one. If decode is set, the
// barrier also decodes these files; otherwise one is decoded when its dataset is looked up.
func watchman(name string, decode bool) peer {
	return peer{
		name: name,
		file: tomlFile,
		follow: func(ctx context.Context, dir string, all []dataset, _ bool) (*follower, error) {
			server, err := startWatchman(ctx, dir)
			if err != nil {
				return nil, err
			}
			known := make(map[registry.Key]dataset, len(all))
			stale := make(map[string]bool) // names of files
			refresh := func(name string) error {
				delete(stale, name)
				return decodeInto(known, filepath.Join(dir, name))
			}
			refreshAll := func() error {
				for name := range stale {
					if err := refresh(name); err != nil {
						return err
					}
				}
				return nil
			}
			f := newFollower()
			f.pid = server.process.Process.Pid
			f.losses = func() int { return server.recrawls }
			f.path = func(i int) (string, bool) {
				if name, _ := tomlFile(all, i); stale[name] && refresh(name) != nil {
					return "", false
				}
				return known[all[i].key()].NeuronDatasetPath, len(known) == len(all)
			}
			f.sync = func(ctx context.Context, _ string) error {
				names, err := server.changed(ctx)
				for _, name := range names {
					stale[name] = true
				}
				if err != nil || !decode {
					return err
				}
				return refreshAll()
			}
			f.wait = server.wait
			return f, errors.Join(f.sync(ctx, ""), refreshAll())
		},
	}
}

// A watchmanServer is a Watchman process that watches one directory, and a connection to it.
type watchmanServer struct {
	process *exec.Cmd
	state   string // directory of its socket, log and lock
	dir     string
	conn    net.Conn
	answers *json.Decoder

	clock    string // of the last answer
	recrawls int    // full scans because events were lost
}

// startWatchman starts a server that ends with the context.
func startWatchman(ctx context.Context, dir string) (*watchmanServer, error) {
	state, err := os.MkdirTemp("", "watchman-") // the path of a socket must be short
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(state, "socket")
	process := exec.CommandContext(ctx, "watchman", "--foreground", "--no-save-state",
		"--sockname="+socket, "--logfile="+filepath.Join(state, "log"), "--pidfile="+filepath.Join(state, "pid"))
	process.Cancel = func() error { return process.Process.Signal(syscall.SIGTERM) }
	process.WaitDelay = 5 * time.Second
	if err := process.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(state))
	}
	s := &watchmanServer{process: process, state: state, dir: dir}
	if err := s.connect(ctx, socket); err != nil {
		_ = process.Process.Kill()
		s.wait()
		return nil, err
	}
	return s, nil
}

// connect waits until the server listens, and has it watch the directory.
func (s *watchmanServer) connect(ctx context.Context, socket string) error {
	var err error
	for range 100 {
		var dialer net.Dialer
		if s.conn, err = dialer.DialContext(ctx, "unix", socket); err == nil {
			s.answers = json.NewDecoder(s.conn)
			_, err = s.ask(ctx, "watch", s.dir)
			return err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return err
}

// wait waits until the process has ended. The context of startWatchman must be done.
func (s *watchmanServer) wait() {
	if s.conn != nil {
		_ = s.conn.Close()
	}
	_ = s.process.Wait() // it ends by a signal
	_ = os.RemoveAll(s.state)
}

// changed returns the files that changed since the last call; the first call returns all. It
// waits until the server has seen every change before the call.
func (s *watchmanServer) changed(ctx context.Context) ([]string, error) {
	query := map[string]any{"fields": []string{"name"}, "expression": []string{"suffix", "toml"}, "sync_timeout": 60_000}
	if s.clock != "" {
		query["since"] = s.clock
	}
	answer, err := s.ask(ctx, "query", s.dir, query)
	if err != nil {
		return nil, err
	}
	// It says so in each answer after the first time.
	_, _ = fmt.Sscanf(answer.Warning, "Recrawled this watch %d times", &s.recrawls)
	s.clock = answer.Clock
	return answer.Files, nil
}

type watchmanAnswer struct {
	Error   string   `json:"error"`
	Warning string   `json:"warning"`
	Clock   string   `json:"clock"`
	Files   []string `json:"files"`
}

// ask sends a request and reads the answer, each a line of JSON.
func (s *watchmanServer) ask(ctx context.Context, request ...any) (watchmanAnswer, error) {
	var answer watchmanAnswer
	deadline, _ := ctx.Deadline() // none is the zero time
	if err := s.conn.SetDeadline(deadline); err != nil {
		return answer, err
	}
	if err := json.NewEncoder(s.conn).Encode(request); err != nil {
		return answer, err
	}
	if err := s.answers.Decode(&answer); err != nil {
		return answer, err
	}
	if answer.Error != "" {
		return answer, fmt.Errorf("watchman: %s", answer.Error)
	}
	return answer, nil
}

//go:build unix

package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const examples = "../../examples/"

func readExample(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(examples + name)
	require.NoError(t, err)
	return string(data)
}

// documentsOf returns the documents of a YAML file.
func documentsOf(t *testing.T, text string) []any {
	t.Helper()
	var all []any
	for d := yaml.NewDecoder(strings.NewReader(text)); ; {
		var document any
		err := d.Decode(&document)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, document)
	}
}

func TestExamplesAreYAML(t *testing.T) {
	n := 0
	require.NoError(t, filepath.WalkDir(examples, func(path string, _ fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); ext == ".yaml" || ext == ".yml" {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.NotEmpty(t, documentsOf(t, string(data)), path)
			n++
		}
		return err
	}))
	assert.NotZero(t, n)
}

var execStart = regexp.MustCompile(`(?m)^ExecStart=\S+ (.*)$`)

// TestExampleCommands checks that the command lines of the examples are valid.
func TestExampleCommands(t *testing.T) {
	lines := make(map[string][]string)
	unit := readExample(t, "systemd/neurondex.service")
	start := execStart.FindStringSubmatch(unit)
	require.NotNil(t, start)
	lines["systemd"] = strings.Fields(start[1])

	image := readExample(t, "../Dockerfile")
	var words []string
	command := regexp.MustCompile(`(?m)^CMD (.*)$`).FindStringSubmatch(image)
	require.NotNil(t, command)
	require.NoError(t, json.Unmarshal([]byte(command[1]), &words))
	lines["image"] = words
	run := regexp.MustCompile(`(?m)^#\s+(serve .*)$`).FindStringSubmatch(image)
	require.NotNil(t, run)
	lines["docker run"] = strings.Fields(run[1])

	for _, name := range []string{"neurondex.yaml", "git-sync.yaml"} {
		for _, args := range argumentLists(documentsOf(t, readExample(t, "kubernetes/"+name))) {
			if args[0] == "serve" {
				lines[name] = args
			}
		}
	}
	require.Len(t, lines, 5)
	for name, args := range lines {
		checkCommand(t, name, args)
	}
}

func checkCommand(t *testing.T, name string, args []string) {
	t.Helper()
	cmd, rest, err := newRootCommand().Find(args)
	require.NoError(t, err, name)
	assert.Equal(t, "serve", cmd.Name(), name)
	assert.NoError(t, cmd.ParseFlags(rest), name)
	assert.Empty(t, cmd.Flags().Args(), name)
}

// TestExampleSocket checks the command line of the drop-in for socket activation.
func TestExampleSocket(t *testing.T) {
	if err := isListenAddress("systemd"); err != nil {
		t.Skip("no socket activation: ", err)
	}
	start := execStart.FindStringSubmatch(readExample(t, "systemd/socket.conf"))
	require.NotNil(t, start)
	checkCommand(t, "socket.conf", strings.Fields(start[1]))
}

// argumentLists returns the lists named args anywhere in a value.
func argumentLists(value any) [][]string {
	var all [][]string
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			all = append(all, argumentLists(v)...)
		}
	case map[string]any:
		for k, v := range value {
			list, ok := v.([]any)
			if k != "args" || !ok {
				all = append(all, argumentLists(v)...)
				continue
			}
			var args []string
			for _, a := range list {
				args = append(args, fmt.Sprint(a))
			}
			all = append(all, args)
		}
	}
	return all
}

// tool returns the path of a program that not every machine has, or skips the test.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(err)
	}
	return path
}

func runTool(t *testing.T, path string, args ...string) {
	t.Helper()
	out, err := exec.Command(path, args...).CombinedOutput()
	assert.NoError(t, err, "%s %q:\n%s", path, args, out)
}

// TestUnits checks the units with systemd, if it is installed.
func TestUnits(t *testing.T) {
	analyze := tool(t, "systemd-analyze")
	dir := t.TempDir()
	files, err := filepath.Glob(examples + "systemd/neurondex.*")
	require.NoError(t, err)
	var copies []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		data = bytes.ReplaceAll(data, []byte("/usr/local/bin/neurondex"), []byte("/bin/true")) // verify wants it to exist
		file = filepath.Join(dir, filepath.Base(file))
		require.NoError(t, os.WriteFile(file, data, 0o644))
		copies = append(copies, file)
	}
	runTool(t, analyze, append([]string{"verify", "--man=no"}, copies...)...)
	dropIn := filepath.Join(dir, "neurondex.service.d")
	require.NoError(t, os.Mkdir(dropIn, 0o755))
	data := strings.ReplaceAll(readExample(t, "systemd/socket.conf"), "/usr/local/bin/neurondex", "/bin/true")
	require.NoError(t, os.WriteFile(filepath.Join(dropIn, "socket.conf"), []byte(data), 0o644))
	runTool(t, analyze, append([]string{"verify", "--man=no"}, copies...)...)
	runTool(t, analyze, "security", "--offline=true", "--threshold=15", "--no-pager", filepath.Join(dir, "neurondex.service"))
}

// expressions returns the queries of the rules and of the dashboard.
func expressions(t *testing.T) []string {
	t.Helper()
	var rules struct {
		Groups []struct{ Rules []struct{ Expr string } }
	}
	require.NoError(t, yaml.Unmarshal([]byte(readExample(t, "prometheus/neurondex.rules.yml")), &rules))
	var all []string
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			all = append(all, r.Expr)
		}
	}
	var dashboard struct {
		Panels     []struct{ Targets []struct{ Expr string } }
		Templating struct{ List []struct{ Definition string } }
	}
	require.NoError(t, json.Unmarshal([]byte(readExample(t, "prometheus/dashboard.json")), &dashboard))
	for _, p := range dashboard.Panels {
		for _, q := range p.Targets {
			all = append(all, q.Expr)
		}
	}
	require.Greater(t, len(all), 15)
	return all
}

// TestRules checks the rules and the queries of the dashboard with promtool, if it is installed,
// and runs the unit tests of the rules.
func TestRules(t *testing.T) {
	promtool := tool(t, "promtool")
	runTool(t, promtool, "check", "config", examples+"prometheus/prometheus.yml")
	runTool(t, promtool, "test", "rules", examples+"prometheus/neurondex.rules_test.yml")

	type rule struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	var rules []rule
	for i, e := range expressions(t) {
		e = strings.NewReplacer("$__rate_interval", "5m").Replace(e)
		rules = append(rules, rule{fmt.Sprintf("query:%d", i), e})
	}
	file := filepath.Join(t.TempDir(), "queries.yml")
	data, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, data, 0o644))
	runTool(t, promtool, "check", "rules", file)
}

// TestExampleMetrics checks that the rules and the dashboard use existing metrics.
func TestExampleMetrics(t *testing.T) {
	s := startServer(t)
	s.ask(http.MethodGet, "/v1/datasets") // or there is none about requests
	code, text := s.ask(http.MethodGet, "/metrics")
	if code == http.StatusNotFound {
		t.Skip("the server has no metrics")
	}
	served := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^(neurondex_\w+)`).FindAllString(text, -1) {
		served[m] = true
	}
	for _, e := range expressions(t) {
		for _, name := range regexp.MustCompile(`neurondex_\w+`).FindAllString(e, -1) {
			assert.True(t, served[name], "no such metric: %s in %s", name, e)
		}
	}
}

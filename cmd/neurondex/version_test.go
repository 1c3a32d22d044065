package main

import (
	"net"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDescribeBuild(t *testing.T) {
	for want, settings := range map[string][]debug.BuildSetting{
		"v1.2.3 (go1.26.0)": nil, // go install module@version
		"v1.2.3 (commit 0123abcd, 2026-11-25T20:00:00Z, go1.26.0)": {
			{Key: "GOOS", Value: "linux"}, {Key: "vcs.revision", Value: "0123abcd"}, {Key: "vcs.time", Value: "2026-11-25T20:00:00Z"}, {Key: "vcs.modified", Value: "false"},
		},
		"v1.2.3 (commit 0123abcd with changes, 2026-11-25T20:00:00Z, go1.26.0)": {
			{Key: "vcs.revision", Value: "0123abcd"}, {Key: "vcs.time", Value: "2026-11-25T20:00:00Z"}, {Key: "vcs.modified", Value: "true"},
		},
	} {
		info := &debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: "v1.2.3"}, Settings: settings}
		assert.Equal(t, want, describeBuild(info))
	}
}

func TestOpenURL(t *testing.T) {
	for listen, want := range map[string]string{
		"0.0.0.0:8004":        "http://localhost:8004",
		"[::]:8004":           "http://localhost:8004",
		"127.0.0.1:8004":      "http://127.0.0.1:8004",
		"[::1]:8004":          "http://[::1]:8004",
		"192.0.2.1:8004":      "http://192.0.2.1:8004",
		"[fe80::1%eth0]:8004": "http://[fe80::1%25eth0]:8004",
	} {
		addr, err := net.ResolveTCPAddr("tcp", listen)
		if assert.NoError(t, err) {
			assert.Equal(t, want, openURL(addr, false), listen)
		}
	}
}

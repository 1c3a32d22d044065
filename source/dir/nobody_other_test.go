//go:build !linux

package dir_test

import "testing"

func runAsNobody(t *testing.T) { t.Helper() }

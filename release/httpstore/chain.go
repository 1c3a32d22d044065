package httpstore

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/neurondex/neurondex/release"
)

// ChainHeader is the header of a list of releases that names the servers which the releases
// came through, by their epochs: from the one that reads the store to the one that responds.
const ChainHeader = "Neurondex-Chain"

// MaxChain is the number of servers between a store and the last server.
const MaxChain = 16

var (
	// ErrLoop means that a server gets its releases from those who follow it.
	ErrLoop = errors.New("servers follow each other in a loop; let one of them follow a store")
	// ErrChain means that a chain of servers is too long.
	ErrChain = fmt.Errorf("chain of servers is longer than %d; follow one that is closer to the store", MaxChain)
)

var epochPattern = regexp.MustCompile(`^[0-9A-Za-z._-]{1,64}$`)

// Chain returns the epochs of the servers that the releases came through, as of the last
// response, the server of the store being the last one. It returns nil before the first. Those
// who follow this process are told these and its own epoch.
func (s *Store) Chain() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.chain)
}

// checkChain takes note of the chain of a response. A chain that is refused is noted as well,
// so that everybody in a loop finds it: of a loop the part from this process on, since it would
// grow otherwise, and of a long chain its end.
func (s *Store) checkChain(header http.Header) error {
	chain, err := parseChain(header)
	if err != nil {
		return err
	}
	if at := s.find(chain); at >= 0 {
		chain = chain[at:]
		err = fmt.Errorf("%w: %s", ErrLoop, strings.Join(append(slices.Clone(chain), s.options.Epoch), " -> "))
	}
	if len(chain) > MaxChain {
		chain = chain[len(chain)-MaxChain:]
		err = cmp.Or(err, ErrChain)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chain = chain
	return err
}

// find returns the last index of this process in a chain, or -1.
func (s *Store) find(chain []string) int {
	for i, epoch := range slices.Backward(chain) {
		if epoch == s.options.Epoch && epoch != "" {
			return i
		}
	}
	return -1
}

func parseChain(header http.Header) ([]string, error) {
	var chain []string
	for _, line := range header.Values(ChainHeader) {
		for part := range strings.SplitSeq(line, ",") {
			epoch := strings.TrimSpace(part)
			if !epochPattern.MatchString(epoch) {
				return nil, fmt.Errorf("header %s: %w", ChainHeader, release.ErrMalformed)
			}
			chain = append(chain, epoch)
		}
	}
	return chain, nil
}

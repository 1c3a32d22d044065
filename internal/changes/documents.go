package changes

import (
	"slices"
	"time"

	"github.com/neurondex/neurondex/watcher"
)

// How often the documents are examined. The status of all of them costs time in proportion to
// their number, unlike the check of their health.
const (
	healthInterval = time.Second
	statusInterval = 15 * time.Second
)

// FollowDocuments adds to the log which documents become invalid or valid, until stop is
// closed.
func (l *Log) FollowDocuments(stop <-chan struct{}, status func() watcher.Status, checkHealth func() error) {
	tick := time.NewTicker(healthInterval)
	defer tick.Stop()
	invalid, health, generation, last := invalidDocuments(status()), errorText(checkHealth()), uint64(0), time.Now()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		s, _ := l.Latest()
		healthNow, generationNow := errorText(checkHealth()), s.Generation()
		if healthNow == health && generationNow == generation && time.Since(last) < statusInterval {
			continue
		}
		now := invalidDocuments(status())
		became, valid := without(now, invalid), without(invalid, now)
		if len(became)+len(valid) > 0 {
			l.AddDocuments(became, valid)
		}
		invalid, health, generation, last = now, healthNow, generationNow, time.Now()
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// invalidDocuments returns the names of the documents that are invalid, in order.
func invalidDocuments(s watcher.Status) []string {
	var names []string
	for _, d := range s.Documents {
		if d.State == watcher.StateInvalid || d.State == watcher.StateStale {
			names = append(names, d.Name)
		}
	}
	return names
}

// without returns the names that are not in a list, which is in order.
func without(names, list []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, found := slices.BinarySearch(list, name)
		return found
	})
}

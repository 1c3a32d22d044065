package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/go-logr/logr"
	ktoml "github.com/knadh/koanf/parsers/toml/v2"
	kfile "github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/watcher"
	"github.com/pelletier/go-toml/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/file"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/spf13/viper"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	crlog "sigs.k8s.io/controller-runtime/pkg/log"
)

// A peer keeps what a program knows in step with files: neurondex, or what a user would
// pick instead, used as its own documentation shows.
type peer struct {
	name   string
	single bool // one file holds everything

	// file returns the file that holds the i-th dataset, as it is to be now.
	file func(all []dataset, i int) (name string, data []byte)

	// follow loads the files of dir and, if watch is set, follows them until ctx is done.
	follow func(ctx context.Context, dir string, all []dataset, watch bool) (*following, error)
}

// asked is neurondex when it is asked to be in step, as a deploy script asks: it looks at
// every file.
func asked() peer {
	p := neurondex(dir.Dir{})
	p.name = "neurondex, Sync"
	p.follow = func(ctx context.Context, path string, all []dataset, _ bool) (*following, error) {
		w, err := watcher.Open(ctx, path, watcher.WithLogger(nil))
		if err != nil {
			return nil, err
		}
		f := newFollowing()
		f.path = registryPath(w, all)
		f.sync = func(ctx context.Context, _ string) error { return w.Sync(ctx) }
		f.close = func() { <-w.Done() }
		return f, nil
	}
	return p
}

// A following is a peer at work.
type following struct {
	// news holds one whenever path may answer something else than before.
	news chan struct{}

	// path returns the path of the i-th dataset as a reader in the process finds it now,
	// and whether the reader finds all datasets there.
	path func(i int) (path string, whole bool)

	// sync returns once the change of the named file, made before, is readable. It is nil
	// where the peer has no such thing.
	sync func(ctx context.Context, name string) error

	// close returns once everything has ended. The context of follow must be done.
	close func()
}

func newFollowing() *following {
	return &following{news: make(chan struct{}, 1), close: func() {}}
}

func (f *following) notify() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// told waits for news.
func (f *following) told(ctx context.Context, _ string) error {
	select {
	case <-f.news:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func tomlFile(all []dataset, i int) (string, []byte) {
	return fmt.Sprintf("%07d.toml", i), all[i].appendTOML(nil)
}

func tomlFileOfAll(all []dataset, _ int) (string, []byte) { return allFile, toTOML(all) }

const allFile = "all.toml"

// neurondex follows a directory of TOML files of one dataset each.
func neurondex(settings dir.Dir) peer {
	return peer{
		name: "neurondex",
		file: tomlFile,
		follow: func(ctx context.Context, path string, all []dataset, _ bool) (*following, error) {
			settings := settings
			settings.Path = path
			w, err := watcher.Follow(ctx, &settings, watcher.WithLogger(nil))
			if err != nil {
				return nil, err
			}
			f := newFollowing()
			f.path = registryPath(w, all)
			f.sync = f.told
			var updates sync.WaitGroup
			updates.Go(func() {
				for range w.Updates(ctx) {
					f.notify()
				}
			})
			f.close = func() {
				updates.Wait()
				<-w.Done()
			}
			return f, nil
		},
	}
}

func registryPath(reg registry.Reader, all []dataset) func(int) (string, bool) {
	return func(i int) (string, bool) {
		s := reg.Snapshot()
		d, _ := s.Lookup(all[i].ShortName, registry.DerivedScalarType(all[i].DerivedScalarType))
		return d.NeuronDatasetPath(), s.Len() == len(all)
	}
}

// step is what neurondex does once it knows which file changed: it reads, checks and
// applies it. Nothing watches.
func step() peer {
	return peer{
		name: "neurondex, Parse and Apply alone",
		file: tomlFile,
		follow: func(_ context.Context, dir string, all []dataset, _ bool) (*following, error) {
			loaded, err := config.LoadDir(dir)
			if err != nil {
				return nil, err
			}
			reg := registry.New()
			if _, err := reg.Apply(loaded.Change()); err != nil {
				return nil, err
			}
			f := newFollowing()
			f.path = registryPath(reg, all)
			f.sync = func(_ context.Context, name string) error {
				data, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					return err
				}
				specs, found := config.Parse(name, data)
				if err := found.Err(); err != nil {
					return err
				}
				_, err = reg.Apply(registry.Change{Put: []registry.Document{{Name: name, Datasets: specs}}})
				return err
			}
			return f, nil
		},
	}
}

// plain is what one writes by hand: it decodes every file of the directory again into a
// new map, and swaps a pointer.
func plain() peer {
	return peer{
		name: "by hand: go-toml, every file again",
		file: tomlFile,
		follow: func(ctx context.Context, dir string, all []dataset, _ bool) (*following, error) {
			var current atomic.Pointer[map[registry.Key]dataset]
			load := func(context.Context, string) error {
				entries, err := os.ReadDir(dir)
				if err != nil {
					return err
				}
				m := make(map[registry.Key]dataset, len(entries))
				for _, e := range entries {
					data, err := os.ReadFile(filepath.Join(dir, e.Name()))
					if err != nil {
						return err
					}
					var doc document
					if err := toml.Unmarshal(data, &doc); err != nil {
						return err
					}
					for _, d := range doc.Datasets {
						m[d.key()] = d
					}
				}
				current.Store(&m)
				return nil
			}
			f := newFollowing()
			f.sync = load
			f.path = func(i int) (string, bool) {
				m := *current.Load()
				return m[all[i].key()].NeuronDatasetPath, len(m) == len(all)
			}
			return f, load(ctx, "")
		},
	}
}

// decoded is the state of a program that decodes one file that holds everything.
type decoded struct{ current atomic.Pointer[document] }

func (d *decoded) path(all []dataset) func(int) (string, bool) {
	return func(i int) (string, bool) {
		doc := d.current.Load()
		if i >= len(doc.Datasets) {
			return "", false
		}
		return doc.Datasets[i].NeuronDatasetPath, len(doc.Datasets) == len(all)
	}
}

// viperPeer reads and unmarshals one file, and is told of changes by WatchConfig.
func viperPeer() peer {
	return peer{
		name:   "viper, one file",
		single: true,
		file:   tomlFileOfAll,
		follow: func(ctx context.Context, dir string, all []dataset, watch bool) (*following, error) {
			v := viper.New()
			v.SetConfigFile(filepath.Join(dir, allFile))
			var state decoded
			publish := func() error {
				var doc document
				if err := v.Unmarshal(&doc); err != nil {
					return err
				}
				state.current.Store(&doc)
				return nil
			}
			load := func(context.Context, string) error {
				if err := v.ReadInConfig(); err != nil {
					return err
				}
				return publish()
			}
			f := newFollowing()
			f.path, f.sync = state.path(all), load
			if err := load(ctx, ""); err != nil {
				return nil, err
			}
			if watch {
				v.OnConfigChange(func(fsnotify.Event) {
					if publish() == nil {
						f.notify()
					}
				})
				v.WatchConfig() // ends when the file is removed; there is no other way
			}
			return f, nil
		},
	}
}

// koanfPeer loads and unmarshals one file, and is told of changes by its file provider.
func koanfPeer() peer {
	return peer{
		name:   "koanf, one file",
		single: true,
		file:   tomlFileOfAll,
		follow: func(ctx context.Context, dir string, all []dataset, watch bool) (*following, error) {
			provider := kfile.Provider(filepath.Join(dir, allFile))
			var state decoded
			load := func(context.Context, string) error {
				k := koanf.New(".")
				if err := k.Load(provider, ktoml.Parser()); err != nil {
					return err
				}
				var doc document
				if err := k.Unmarshal("", &doc); err != nil {
					return err
				}
				state.current.Store(&doc)
				return nil
			}
			f := newFollowing()
			f.path, f.sync = state.path(all), load
			if err := load(ctx, ""); err != nil {
				return nil, err
			}
			if watch {
				f.close = func() { _ = provider.Unwatch() }
				return f, provider.Watch(func(_ any, err error) {
					if err == nil && load(ctx, "") == nil {
						f.notify()
					}
				})
			}
			return f, nil
		},
	}
}

// prometheusPeer follows a directory of JSON files of one target group each with
// Prometheus' file discovery, as it is below Prometheus' own manager, which holds changes
// back for another five seconds.
func prometheusPeer(refresh time.Duration) peer {
	fileName := func(i int) string { return fmt.Sprintf("%07d.json", i) }
	return peer{
		name: "Prometheus file discovery",
		file: func(all []dataset, i int) (string, []byte) {
			d := &all[i]
			data, err := json.Marshal([]any{map[string]any{
				"targets": []string{"host.example"},
				"labels": map[string]string{
					"short_name": d.ShortName, "derived_scalar_type": d.DerivedScalarType,
					"user_visible_name": d.UserVisibleName, "neuron_dataset_path": d.NeuronDatasetPath,
				},
			}})
			if err != nil {
				panic(err) // strings in maps always marshal
			}
			return fileName(i), data
		},
		follow: func(ctx context.Context, dir string, all []dataset, _ bool) (*following, error) {
			conf := file.SDConfig{Files: []string{filepath.Join(dir, "*.json")}, RefreshInterval: model.Duration(refresh)}
			discovery, err := file.NewDiscovery(&conf, nil, conf.NewDiscovererMetrics(prometheus.NewRegistry(), nil))
			if err != nil {
				return nil, err
			}
			var mu sync.RWMutex
			groups := make(map[string]*targetgroup.Group, len(all)) // guarded by mu
			sources := make([]string, len(all))
			for i := range sources {
				sources[i] = filepath.Join(dir, fileName(i)) + ":0"
			}
			f := newFollowing()
			f.path = func(i int) (string, bool) {
				mu.RLock()
				defer mu.RUnlock()
				g := groups[sources[i]]
				if g == nil {
					return "", false
				}
				return string(g.Labels["neuron_dataset_path"]), len(groups) == len(all)
			}
			refreshed := make(chan struct{}, 1) // the last file was delivered
			f.sync = func(ctx context.Context, _ string) error {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-refreshed:
					return nil
				}
			}
			updates := make(chan []*targetgroup.Group)
			var running sync.WaitGroup
			running.Go(func() {
				defer close(updates)
				discovery.Run(ctx, updates)
			})
			running.Go(func() {
				for update := range updates {
					changed, last := false, false
					mu.Lock()
					for _, g := range update {
						old := groups[g.Source]
						if len(g.Targets) == 0 {
							delete(groups, g.Source)
						} else {
							groups[g.Source] = g
						}
						changed = changed || old == nil || old.Labels["neuron_dataset_path"] != g.Labels["neuron_dataset_path"]
						last = last || g.Source == sources[len(sources)-1]
					}
					mu.Unlock()
					if changed {
						f.notify()
					}
					if last {
						select {
						case refreshed <- struct{}{}:
						default:
						}
					}
				}
			})
			f.close = running.Wait
			return f, f.sync(ctx, "")
		},
	}
}

// certwatcherPeer follows a certificate with controller-runtime's certwatcher. The
// certificate's name stands for the path of the dataset that changed.
func certwatcherPeer() (peer, error) {
	crlog.SetLogger(logr.Discard())
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return peer{}, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return peer{}, err
	}
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	const certName, keyName = "tls.crt", "tls.key"
	return peer{
		name:   "certwatcher, one certificate",
		single: true,
		file: func(all []dataset, i int) (string, []byte) {
			template := x509.Certificate{
				SerialNumber: big.NewInt(1),
				Subject:      pkix.Name{CommonName: all[i].NeuronDatasetPath},
				NotAfter:     time.Now().Add(time.Hour),
			}
			der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
			if err != nil {
				panic(err) // the template is always the same but for a name
			}
			return certName, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		},
		follow: func(ctx context.Context, dir string, _ []dataset, _ bool) (*following, error) {
			if err := os.WriteFile(filepath.Join(dir, keyName), keyPEM, 0o600); err != nil {
				return nil, err
			}
			w, err := certwatcher.New(filepath.Join(dir, certName), filepath.Join(dir, keyName))
			if err != nil {
				return nil, err
			}
			f := newFollowing()
			f.path = func(int) (string, bool) {
				cert, err := w.GetCertificate(nil)
				if err != nil {
					return "", false
				}
				return cert.Leaf.Subject.CommonName, true
			}
			w.RegisterCallback(func(tls.Certificate) { f.notify() })
			var running sync.WaitGroup
			var failed error
			running.Go(func() { failed = w.Start(ctx) })
			f.close = running.Wait
			if err := sleep(ctx, 100*time.Millisecond); err != nil { // it does not tell when it has begun
				running.Wait()
				return nil, errors.Join(err, failed)
			}
			return f, nil
		},
	}, nil
}

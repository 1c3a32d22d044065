package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	crlog "sigs.k8s.io/controller-runtime/pkg/log"
)

// certificate follows a certificate with controller-runtime's certwatcher. The common name
// of the certificate stands for the path of the dataset that changed.
func certificate() (peer, error) {
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
				panic(err) // unreachable: only the name differs from call to call
			}
			return certName, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		},
		follow: func(ctx context.Context, dir string, _ []dataset, _ bool) (*follower, error) {
			if err := os.WriteFile(filepath.Join(dir, keyName), keyPEM, 0o600); err != nil {
				return nil, err
			}
			w, err := certwatcher.New(filepath.Join(dir, certName), filepath.Join(dir, keyName))
			if err != nil {
				return nil, err
			}
			f := newFollower()
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
			f.wait = running.Wait
			if err := sleep(ctx, 100*time.Millisecond); err != nil { // certwatcher does not report when it has started
				running.Wait()
				return nil, errors.Join(err, failed)
			}
			return f, nil
		},
	}, nil
}

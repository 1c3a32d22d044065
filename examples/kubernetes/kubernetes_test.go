// Package kubernetes checks the manifests. It is a module of its own, so that no user inherits
// the types of Kubernetes.
package kubernetes

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// decode decodes the objects of a file. Unknown and repeated fields are errors.
func decode(data []byte) ([]runtime.Object, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, corev1.AddToScheme, policyv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(data)))
	var objects []runtime.Object
	for {
		document := make([]byte, len(data)+1)
		n, err := documents.Read(document)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		object, _, err := decoder.Decode(document[:n], nil, nil)
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
}

func TestDecodeIsStrict(t *testing.T) {
	_, err := decode([]byte("apiVersion: v1\nkind: Service\nspec:\n  port: 80\n"))
	assert.ErrorContains(t, err, `unknown field "spec.port"`)
	_, err = decode([]byte("apiVersion: v1\nkind: Nothing\n"))
	assert.ErrorContains(t, err, "Nothing")
}

// TestManifests checks that every field is one that Kubernetes knows, that names refer to what
// there is, and that the pods pass the restricted pod security standard.
func TestManifests(t *testing.T) {
	files, err := filepath.Glob("*.yaml")
	require.NoError(t, err)
	require.Len(t, files, 2)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		objects, err := decode(data)
		require.NoError(t, err, file)
		configMaps := make(map[string]bool)
		var deployments []*appsv1.Deployment
		var services []*corev1.Service
		for _, o := range objects {
			switch o := o.(type) {
			case *corev1.ConfigMap:
				configMaps[o.Name] = true
			case *appsv1.Deployment:
				deployments = append(deployments, o)
			case *corev1.Service:
				services = append(services, o)
			}
		}
		require.Len(t, deployments, 1, file)
		require.Len(t, services, 1, file)
		d := deployments[0]
		assert.Equal(t, d.Spec.Selector.MatchLabels, d.Spec.Template.Labels, file)
		assert.Equal(t, services[0].Spec.Selector, d.Spec.Template.Labels, file)
		for _, v := range d.Spec.Template.Spec.Volumes {
			if v.ConfigMap != nil {
				assert.True(t, configMaps[v.ConfigMap.Name], "%s: no such ConfigMap: %s", file, v.ConfigMap.Name)
			}
		}
		checkPod(t, file, d.Spec.Template.Spec)
		checkPorts(t, file, services[0], d.Spec.Template.Spec)
	}
}

func checkPod(t *testing.T, file string, pod corev1.PodSpec) {
	t.Helper()
	require.NotNil(t, pod.SecurityContext, file)
	assert.True(t, *pod.SecurityContext.RunAsNonRoot, file)
	assert.NotZero(t, *pod.SecurityContext.RunAsUser, file)
	assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type, file)
	assert.False(t, *pod.AutomountServiceAccountToken, file)
	volumes := make(map[string]bool)
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
	}
	for _, c := range append(pod.InitContainers, pod.Containers...) {
		name := file + ": " + c.Name
		require.NotNil(t, c.SecurityContext, name)
		assert.True(t, *c.SecurityContext.ReadOnlyRootFilesystem, name)
		assert.False(t, *c.SecurityContext.AllowPrivilegeEscalation, name)
		assert.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop, name)
		assert.False(t, c.Resources.Requests.Cpu().IsZero(), name)
		assert.False(t, c.Resources.Requests.Memory().IsZero(), name)
		assert.False(t, c.Resources.Limits.Memory().IsZero(), name)
		for _, m := range c.VolumeMounts {
			assert.True(t, volumes[m.Name], "%s: no such volume: %s", name, m.Name)
			assert.Empty(t, m.SubPath, "%s: changes do not arrive through a subPath", name)
		}
	}
	for _, c := range pod.Containers {
		for _, probe := range []*corev1.Probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
			require.NotNil(t, probe, "%s: %s has no probe", file, c.Name)
			assert.True(t, hasPort(c, probe.HTTPGet.Port.StrVal), "%s: %s: no such port: %v", file, c.Name, probe.HTTPGet.Port)
		}
	}
}

// checkPorts checks that each port of a service is one of a container.
func checkPorts(t *testing.T, file string, s *corev1.Service, pod corev1.PodSpec) {
	t.Helper()
	for _, p := range s.Spec.Ports {
		found := false
		for _, c := range pod.Containers {
			found = found || hasPort(c, p.TargetPort.StrVal)
		}
		assert.True(t, found, "%s: no container has the port %v", file, p.TargetPort)
	}
}

func hasPort(c corev1.Container, name string) bool {
	for _, p := range c.Ports {
		if p.Name == name {
			return true
		}
	}
	return false
}

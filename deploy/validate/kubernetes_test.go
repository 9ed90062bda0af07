package validate

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// manifests are the objects of one rendered kustomization.
type manifests struct {
	namespaces  []core.Namespace
	accounts    []core.ServiceAccount
	configs     []core.ConfigMap
	deployments []apps.Deployment
	services    []core.Service
	ingresses   []networking.Ingress
	policies    []networking.NetworkPolicy
	budgets     []policy.PodDisruptionBudget
	autoscalers []autoscaling.HorizontalPodAutoscaler
	jobs        []batch.Job
	monitors    []monitoring.ServiceMonitor
}

func decode[T any](t *testing.T, list *[]T, content []byte) {
	t.Helper()
	var object T
	require.NoError(t, yaml.UnmarshalStrict(content, &object), "%s", content)
	*list = append(*list, object)
}

// render builds a kustomization as kubectl does, and decodes what comes out
// strictly: a field that the API does not know is an error.
func render(t *testing.T, folder string) manifests {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).
		Run(filesys.MakeFsOnDisk(), filepath.Join(root, "deploy/kubernetes", folder))
	require.NoError(t, err)
	var m manifests
	for _, resource := range built.Resources() {
		content, err := resource.AsYAML()
		require.NoError(t, err)
		switch kind := resource.GetGvk().String(); kind {
		case "Namespace.v1.[noGrp]":
			decode(t, &m.namespaces, content)
		case "ServiceAccount.v1.[noGrp]":
			decode(t, &m.accounts, content)
		case "ConfigMap.v1.[noGrp]":
			decode(t, &m.configs, content)
		case "Service.v1.[noGrp]":
			decode(t, &m.services, content)
		case "Deployment.v1.apps":
			decode(t, &m.deployments, content)
		case "Ingress.v1.networking.k8s.io":
			decode(t, &m.ingresses, content)
		case "NetworkPolicy.v1.networking.k8s.io":
			decode(t, &m.policies, content)
		case "PodDisruptionBudget.v1.policy":
			decode(t, &m.budgets, content)
		case "HorizontalPodAutoscaler.v2.autoscaling":
			decode(t, &m.autoscalers, content)
		case "Job.v1.batch":
			decode(t, &m.jobs, content)
		case "ServiceMonitor.v1.monitoring.coreos.com":
			decode(t, &m.monitors, content)
		default:
			t.Fatalf("nobody checks objects of kind %s", kind)
		}
		if kind := resource.GetKind(); kind != "Namespace" {
			require.Equal(t, "quad", resource.GetNamespace(), "%s %s", kind, resource.GetName())
		}
	}
	return m
}

// installations are the kustomizations with the running hub.
var installations = []string{"base", "overlays/example"}

func TestManifestsAreComplete(t *testing.T) {
	for _, folder := range installations {
		m := render(t, folder)
		require.Len(t, m.namespaces, 1)
		require.Len(t, m.accounts, 1)
		require.Len(t, m.configs, 1)
		require.Len(t, m.deployments, 2)
		require.Len(t, m.services, 2)
		require.Len(t, m.ingresses, 1)
		require.NotEmpty(t, m.policies)
		for _, d := range m.deployments {
			find(t, m.budgets, func(b policy.PodDisruptionBudget) bool { return b.Name == d.Name })
			find(t, m.autoscalers, func(a autoscaling.HorizontalPodAutoscaler) bool { return a.Name == d.Name })
		}
	}
	require.Len(t, render(t, "overlays/example").monitors, 1)
}

func find[T any](t *testing.T, list []T, is func(T) bool) T {
	t.Helper()
	for _, item := range list {
		if is(item) {
			return item
		}
	}
	t.Fatalf("none of the %d objects fits", len(list))
	panic("unreachable")
}

func podsOf(t *testing.T, m manifests, selector map[string]string) apps.Deployment {
	t.Helper()
	require.NotEmpty(t, selector)
	var hits []apps.Deployment
	for _, d := range m.deployments {
		if labels.SelectorFromSet(selector).Matches(labels.Set(d.Spec.Template.Labels)) {
			hits = append(hits, d)
		}
	}
	require.Len(t, hits, 1, "%v selects not exactly one deployment", selector)
	return hits[0]
}

func port(t *testing.T, d apps.Deployment, want intstr.IntOrString) core.ContainerPort {
	t.Helper()
	return find(t, d.Spec.Template.Spec.Containers[0].Ports, func(p core.ContainerPort) bool {
		return (want.Type == intstr.String && p.Name == want.StrVal) || (want.Type == intstr.Int && p.ContainerPort == want.IntVal)
	})
}

func listenOn(p core.ContainerPort) string { return fmt.Sprintf("0.0.0.0:%d", p.ContainerPort) }

// Everything that names something else names something that is there.
func TestManifestsFitTogether(t *testing.T) {
	for _, folder := range installations {
		m := render(t, folder)
		for _, d := range m.deployments {
			require.Equal(t, d.Name, podsOf(t, m, d.Spec.Selector.MatchLabels).Name)
			require.Nil(t, d.Spec.Replicas, "the autoscaler's number would be undone with every apply")
			pod := d.Spec.Template.Spec
			require.Equal(t, m.accounts[0].Name, pod.ServiceAccountName)
			for _, source := range pod.Containers[0].EnvFrom {
				if source.ConfigMapRef != nil {
					require.Equal(t, m.configs[0].Name, source.ConfigMapRef.Name, "the generated name, which changes with the settings")
				}
			}
			for _, mount := range pod.Containers[0].VolumeMounts {
				find(t, pod.Volumes, func(v core.Volume) bool { return v.Name == mount.Name })
			}
			require.NotEmpty(t, pod.TopologySpreadConstraints)
			for _, spread := range pod.TopologySpreadConstraints {
				require.Equal(t, d.Name, podsOf(t, m, spread.LabelSelector.MatchLabels).Name)
			}
		}
		for _, service := range m.services {
			d := podsOf(t, m, service.Spec.Selector)
			for _, p := range service.Spec.Ports {
				port(t, d, p.TargetPort)
			}
		}
		for _, budget := range m.budgets {
			require.Equal(t, budget.Name, podsOf(t, m, budget.Spec.Selector.MatchLabels).Name)
		}
		for _, scaler := range m.autoscalers {
			require.Equal(t, "Deployment", scaler.Spec.ScaleTargetRef.Kind)
			target := find(t, m.deployments, func(d apps.Deployment) bool { return d.Name == scaler.Spec.ScaleTargetRef.Name })
			require.GreaterOrEqual(t, *scaler.Spec.MinReplicas, int32(2), "one pod is no pod during a rolling update of the node")
			require.NotEmpty(t, target.Spec.Template.Spec.Containers[0].Resources.Requests.Cpu().String(), "utilization is a share of the request")
			require.False(t, target.Spec.Template.Spec.Containers[0].Resources.Requests.Cpu().IsZero())
		}
		for _, ingress := range m.ingresses {
			for _, rule := range ingress.Spec.Rules {
				require.Equal(t, "https://"+rule.Host, m.configs[0].Data["PUBLIC_URL"], "signed links and mails would point elsewhere")
				require.Contains(t, ingress.Spec.TLS[0].Hosts, rule.Host)
				for _, p := range rule.HTTP.Paths {
					service := find(t, m.services, func(s core.Service) bool { return s.Name == p.Backend.Service.Name })
					find(t, service.Spec.Ports, func(sp core.ServicePort) bool { return sp.Name == p.Backend.Service.Port.Name })
				}
			}
		}
		for _, p := range m.policies {
			if len(p.Spec.PodSelector.MatchLabels) > 0 {
				d := podsOf(t, m, p.Spec.PodSelector.MatchLabels)
				for _, rule := range p.Spec.Ingress {
					for _, open := range rule.Ports {
						port(t, d, *open.Port)
					}
				}
			}
		}
		for _, monitor := range m.monitors {
			for _, service := range m.services {
				require.True(t, labels.SelectorFromSet(monitor.Spec.Selector.MatchLabels).Matches(labels.Set(service.Labels)), service.Name)
				for _, endpoint := range monitor.Spec.Endpoints {
					find(t, service.Spec.Ports, func(p core.ServicePort) bool { return p.Name == endpoint.Port })
				}
			}
		}
	}
}

func TestManifestsReachWhatTheyNeed(t *testing.T) {
	m := render(t, "base")
	all := find(t, m.policies, func(p networking.NetworkPolicy) bool { return len(p.Spec.PodSelector.MatchLabels) == 0 })
	open := map[int32]bool{}
	for _, rule := range all.Spec.Egress {
		for _, p := range rule.Ports {
			open[p.Port.IntVal] = true
		}
		for _, to := range rule.To {
			require.Equal(t, map[string]string{"k8s-app": "kube-dns"}, to.PodSelector.MatchLabels, "kustomize must not add our labels to it")
		}
	}
	for _, want := range []int32{53, 5432, 6379, 7233, 587, 443} {
		require.True(t, open[want], "no way to port %d", want)
	}
}

// The settings in the manifests exist, agree with the ports and probes, and no
// secret is among them.
func TestManifestSettings(t *testing.T) {
	known := settings(t)
	for _, folder := range installations {
		m := render(t, folder)
		config := m.configs[0].Data
		for name := range config {
			require.Contains(t, known, name)
			require.False(t, known[name].secret, "%s belongs into the secret", name)
		}
		require.True(t, strings.HasPrefix(config["BLOB_URL"], "s3://"), "pods share no folder")
		for component, at := range map[string]string{"quad-api": config["API_ADDR"], "quad-worker": config["WORKER_HEALTH_ADDR"]} {
			d := find(t, m.deployments, func(d apps.Deployment) bool { return d.Name == component })
			c := d.Spec.Template.Spec.Containers[0]
			for _, probe := range []struct {
				probe *core.Probe
				path  string
			}{{c.StartupProbe, "/healthz"}, {c.LivenessProbe, "/healthz"}, {c.ReadinessProbe, "/readyz"}} {
				require.NotNil(t, probe.probe, component)
				require.Equal(t, probe.path, probe.probe.HTTPGet.Path)
				require.Equal(t, at, listenOn(port(t, d, probe.probe.HTTPGet.Port)))
			}
			require.Equal(t, config["METRICS_ADDR"], listenOn(port(t, d, intstr.FromString("metrics"))))
		}
	}
	var example core.Secret
	require.NoError(t, yaml.UnmarshalStrict(read(t, "deploy/kubernetes/secret.example.yaml"), &example))
	for name := range example.StringData {
		require.Contains(t, known, name)
	}
	for _, need := range []string{"DATABASE_URL", "REDIS_URL", "TEMPORAL_ADDRESS", "SMTP_URL", "QUAD_KEYS"} {
		require.Contains(t, example.StringData, need)
	}
}

func TestPodsGetTimeToFinish(t *testing.T) {
	for _, folder := range installations {
		m := render(t, folder)
		for component, variable := range map[string]string{"quad-api": "API_DRAIN_TIMEOUT", "quad-worker": "WORKER_DRAIN_TIMEOUT"} {
			d := find(t, m.deployments, func(d apps.Deployment) bool { return d.Name == component })
			pod := d.Spec.Template.Spec
			needed := duration(t, m.configs[0].Data[variable]) + 10*time.Second
			if hook := pod.Containers[0].Lifecycle; hook != nil && hook.PreStop.Sleep != nil {
				needed += time.Duration(hook.PreStop.Sleep.Seconds) * time.Second
			}
			require.GreaterOrEqual(t, time.Duration(*pod.TerminationGracePeriodSeconds)*time.Second, needed, component)
		}
	}
}

func TestPodsAreRestricted(t *testing.T) {
	pods := map[string]core.PodSpec{}
	for _, folder := range installations {
		m := render(t, folder)
		require.Equal(t, "restricted", m.namespaces[0].Labels["pod-security.kubernetes.io/enforce"])
		for _, d := range m.deployments {
			pods[path.Join(folder, d.Name)] = d.Spec.Template.Spec
		}
	}
	for _, folder := range []string{"migrate", "overlays/example/migrate"} {
		m := render(t, folder)
		require.Len(t, m.jobs, 1)
		require.Equal(t, core.RestartPolicyNever, m.jobs[0].Spec.Template.Spec.RestartPolicy)
		pods[path.Join(folder, m.jobs[0].Name)] = m.jobs[0].Spec.Template.Spec
	}
	commands := roles(t)
	for name, pod := range pods {
		require.True(t, *pod.SecurityContext.RunAsNonRoot, name)
		require.Equal(t, core.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type, name)
		require.False(t, *pod.AutomountServiceAccountToken, name)
		for _, c := range pod.Containers {
			require.False(t, *c.SecurityContext.AllowPrivilegeEscalation, name)
			require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem, name)
			require.Equal(t, []core.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop, name)
			require.False(t, c.Resources.Limits.Memory().IsZero(), name)
			require.False(t, c.Resources.Requests.Memory().IsZero(), name)
			require.True(t, commands[c.Args[0]], "%s runs the unknown command %s", name, c.Args[0])
			require.Regexp(t, `^registry\.example\.org/quad:.+`, c.Image, name)
			for _, variable := range c.Env {
				if variable.Name != "GOMEMLIMIT" {
					require.Contains(t, settings(t), variable.Name, name)
				}
			}
		}
	}
}

// The example changes the image of the pods and of the job together.
func TestExampleMigratesWithTheVersionItRuns(t *testing.T) {
	running := render(t, "overlays/example").deployments[0].Spec.Template.Spec.Containers[0].Image
	migrating := render(t, "overlays/example/migrate").jobs[0].Spec.Template.Spec.Containers[0].Image
	require.Equal(t, running, migrating)
}

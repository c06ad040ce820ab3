{{/* Names and labels; and what no set of values may ask for. */}}

{{- define "sekisho.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sekisho.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sekisho.labels" -}}
{{ include "sekisho.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The metadata of an object: dict "root" $ "name" NAME "annotations" MAP "labels" MAP. */}}
{{- define "sekisho.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "sekisho.labels" .root | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (default (dict) .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "sekisho.headless" -}}
{{ include "sekisho.fullname" . }}-headless
{{- end -}}

{{- define "sekisho.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "sekisho.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "sekisho.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "sekisho.tlsSecret" -}}
{{- default (printf "%s-syslog-tls" (include "sekisho.fullname" .)) .Values.syslog.tls.existingSecret -}}
{{- end -}}

{{- define "sekisho.httpTlsSecret" -}}
{{- default (printf "%s-http-tls" (include "sekisho.fullname" .)) .Values.http.tls.existingSecret -}}
{{- end -}}

{{- define "sekisho.adminSecret" -}}
{{- default (printf "%s-admin" (include "sekisho.fullname" .)) .Values.security.admin.existingSecret -}}
{{- end -}}

{{- define "sekisho.hecSecret" -}}
{{- default (printf "%s-hec" (include "sekisho.fullname" .)) .Values.hec.existingSecret -}}
{{- end -}}

{{- define "sekisho.programs" -}}
{{- if .Values.siteRules.existingProgramsConfigMap -}}
{{ .Values.siteRules.existingProgramsConfigMap }}
{{- else if .Values.siteRules.programs -}}
{{ include "sekisho.fullname" . }}-programs
{{- end -}}
{{- end -}}

{{- define "sekisho.lists" -}}
{{- if .Values.siteRules.existingListsConfigMap -}}
{{ .Values.siteRules.existingListsConfigMap }}
{{- else if .Values.siteRules.lists -}}
{{ include "sekisho.fullname" . }}-lists
{{- end -}}
{{- end -}}

{{/* All addresses to listen on with one port, as the server's settings have them. */}}
{{- define "sekisho.listen" -}}
{{- $port := .port -}}
{{- $all := list -}}
{{- range .addresses -}}
{{- $all = append $all (printf "%s:%d" (contains ":" . | ternary (printf "[%s]" .) .) $port) -}}
{{- end -}}
{{- join "," $all -}}
{{- end -}}

{{/* Every name under which the cluster, its users and its gateways ask for HTTP. */}}
{{- define "sekisho.allowedHosts" -}}
{{- $names := list -}}
{{- $pod := printf "%s-0.%s" (include "sekisho.fullname" .) (include "sekisho.headless" .) -}}
{{- range list (include "sekisho.fullname" .) (include "sekisho.headless" .) $pod -}}
{{- $names = concat $names (list . (printf "%s.%s" . $.Release.Namespace) (printf "%s.%s.svc" . $.Release.Namespace) (printf "%s.%s.svc.%s" . $.Release.Namespace $.Values.clusterDomain)) -}}
{{- end -}}
{{- if .Values.ingress.enabled -}}{{- $names = concat $names .Values.ingress.hosts -}}{{- end -}}
{{- if .Values.gateway.enabled -}}{{- $names = concat $names .Values.gateway.hostnames -}}{{- end -}}
{{- concat $names .Values.allowedHosts | uniq | toJson -}}
{{- end -}}

{{/* Combinations that would start something else than was meant. */}}
{{- define "sekisho.check" -}}
{{- if and .Values.security.insecure (not .Values.security.exposeUnauthenticated) -}}
{{- if or .Values.ingress.enabled .Values.gateway.enabled (ne .Values.http.service.type "ClusterIP") -}}
{{- fail "security.insecure asks nobody for credentials: Ingress, HTTPRoute or a service of HTTP that is not ClusterIP would show every log to whoever reaches it; where a proxy before it asks for credentials, set security.exposeUnauthenticated=true" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.http.tls.enabled (not .Values.http.tls.existingSecret) (not .Values.certManager.enabled) -}}
{{- fail "http.tls.enabled needs http.tls.existingSecret or certManager.enabled" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled (not .Values.security.insecure) (not .Values.security.publicMetrics) (not .Values.serviceMonitor.apiKeySecret.name) -}}
{{- fail "serviceMonitor.enabled needs serviceMonitor.apiKeySecret.name, or security.publicMetrics=true: /metrics asks for credentials" -}}
{{- end -}}
{{- if and .Values.syslog.tls.enabled (not .Values.syslog.tls.existingSecret) (not .Values.certManager.enabled) -}}
{{- fail "syslog.tls.enabled needs syslog.tls.existingSecret or certManager.enabled" -}}
{{- end -}}
{{- if .Values.certManager.enabled -}}
{{- if not (or .Values.syslog.tls.enabled .Values.http.tls.enabled) -}}{{- fail "certManager.enabled needs syslog.tls.enabled or http.tls.enabled" -}}{{- end -}}
{{- if not .Values.certManager.issuerRef.name -}}{{- fail "certManager.enabled needs certManager.issuerRef.name" -}}{{- end -}}
{{- if not (or (and .Values.syslog.tls.enabled (not .Values.syslog.tls.existingSecret)) (and .Values.http.tls.enabled (not .Values.http.tls.existingSecret))) -}}
{{- fail "certManager.enabled has nothing to issue: syslog.tls.existingSecret and http.tls.existingSecret are there" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}{{- fail "ingress.enabled needs ingress.hosts" -}}{{- end -}}
{{- if and .Values.gateway.enabled (not .Values.gateway.parentRefs) -}}{{- fail "gateway.enabled needs gateway.parentRefs" -}}{{- end -}}
{{- if not (or .Values.syslog.udp.enabled .Values.syslog.tcp.enabled .Values.syslog.tls.enabled) -}}
{{- if .Values.syslog.service.enabled -}}{{- fail "syslog.service.enabled needs one of syslog.udp, syslog.tcp and syslog.tls" -}}{{- end -}}
{{- end -}}
{{- if and .Values.hec.token .Values.hec.existingSecret -}}{{- fail "hec.token and hec.existingSecret exclude each other" -}}{{- end -}}
{{- if and .Values.siteRules.programs .Values.siteRules.existingProgramsConfigMap -}}{{- fail "siteRules.programs and siteRules.existingProgramsConfigMap exclude each other" -}}{{- end -}}
{{- if and .Values.siteRules.lists .Values.siteRules.existingListsConfigMap -}}{{- fail "siteRules.lists and siteRules.existingListsConfigMap exclude each other" -}}{{- end -}}
{{- if and .Values.persistence.volumeAttributesClassName (semverCompare "<1.31-0" .Capabilities.KubeVersion.Version) -}}{{- fail "persistence.volumeAttributesClassName needs Kubernetes 1.31" -}}{{- end -}}
{{- end -}}

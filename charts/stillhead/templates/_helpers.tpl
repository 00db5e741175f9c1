{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}

{{- define "stillhead.name" -}}
{{ printf "%s-operator" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "stillhead.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "stillhead.name" .) }}
{{- end }}

{{- /* What a Deployment selects by never changes; the other labels may. */ -}}
{{- define "stillhead.selectorLabels" -}}
app.kubernetes.io/name: stillhead
app.kubernetes.io/component: operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "stillhead.labels" -}}
{{ include "stillhead.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* Called with a dict: image, chart. */ -}}
{{- define "stillhead.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .chart.AppVersion }}
{{- end }}
{{- end }}

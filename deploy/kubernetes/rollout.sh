#!/usr/bin/env bash
# Rolls a version out: first the schema, then the pods, and waits for both.
# The Secret quad-secrets must exist (see secret.example.yaml).
set -euo pipefail

overlay=${1:?usage: rollout.sh OVERLAY_FOLDER (the job is in its folder migrate)}
kube=(kubectl --namespace quad)

# A Job cannot be changed, so that of the last version goes first.
"${kube[@]}" delete job quad-migrate --ignore-not-found --wait
kubectl apply --kustomize "$overlay/migrate"
if ! "${kube[@]}" wait --for=condition=complete --timeout=60m job/quad-migrate; then
	"${kube[@]}" logs job/quad-migrate --tail=50 >&2 || true
	echo 'rollout: the migration did not complete; the pods are as they were' >&2
	exit 1
fi
kubectl apply --kustomize "$overlay"
"${kube[@]}" rollout status deployment/quad-api --timeout=15m
"${kube[@]}" rollout status deployment/quad-worker --timeout=15m

"use strict";

const token = new URLSearchParams(location.search).get("token") || "";
const $ = (id) => document.getElementById(id);

async function call(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const result = await answer.json().catch(() => ({}));
  if (answer.ok) return result;
  const reasons = (result.errors || []).map((e) => `${e.field}: ${e.message || e.rule}`);
  throw new Error(reasons.join("; ") || result.detail || result.title || "This did not work. Please try again.");
}

async function show() {
  try {
    const invitation = await call("/hub/v1/invitations/inspect", { token });
    $("title").textContent = `${invitation.organization} invites you`;
    $("lead").textContent = `You will sign in as ${invitation.email}.`;
    $("name").value = invitation.name;
    $("form").hidden = false;
    $("password").focus();
  } catch {
    $("title").textContent = "This invitation is not open";
    $("lead").textContent = "It was used, taken back or is too old. Ask whoever invited you for a new one.";
  }
}

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("problem").textContent = "";
  $("accept").disabled = true;
  try {
    await call("/hub/v1/invitations/accept", { token, name: $("name").value, password: $("password").value });
    $("form").hidden = true;
    $("title").textContent = "Welcome";
    $("lead").textContent = "Your account is ready. Sign in with your e-mail address and the password that you have just set.";
  } catch (error) {
    $("problem").textContent = error.message;
    $("accept").disabled = false;
  }
});

show();

"use strict";

const token = new URLSearchParams(location.search).get("token") || "";
const $ = (id) => document.getElementById(id);

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("problem").textContent = "";
  $("save").disabled = true;
  try {
    const answer = await fetch("/mis/auth/reset-password", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token, password: $("password").value }),
    });
    const result = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error([].concat(result.message || "This did not work. Please try again.").join("; "));
    $("form").hidden = true;
    $("title").textContent = "Done";
    $("lead").textContent = result.message;
  } catch (error) {
    $("problem").textContent = error.message;
    $("save").disabled = false;
  }
});

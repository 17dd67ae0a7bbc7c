"use strict";
/* Only in a demo: the banner that says so, and failures to play. Uses page.js. */

let scenes = [];

function demoSays(seen) {
  const now = seen.now.length ? seen.now.join("; ") : "all is well";
  const twice = seen.ran_twice === 0 ? "no VM ever ran twice" : `a VM ran twice ${seen.ran_twice} times`;
  const lost = seen.lost === 0 ? "none was lost" : `${count(seen.lost, "VM")} lost`;
  $("demo-now").textContent = `Now: ${now}. As the simulated world itself saw it, ${twice} and ${lost}.`;
}

function chosenScene() {
  return scenes.find((scene) => scene.name === $("demo-scene").value);
}

function fitTarget() {
  const scene = chosenScene();
  const field = $("demo-target");
  field.disabled = !scene.target && scene.name !== "heal";
  field.placeholder = scene.target || (scene.name === "heal" ? "a host, or empty for all" : "");
  if (field.disabled) field.value = "";
}

async function readDemo() {
  const seen = await ask("GET", "/demo");
  if (scenes.length === 0) {
    scenes = seen.scenes;
    $("demo-scene").replaceChildren(...scenes.map((scene) => {
      const option = make("option", "", `${scene.name}: ${scene.about}`);
      option.value = scene.name;
      return option;
    }));
    fitTarget();
  }
  demoSays(seen);
}

async function play(scene, target) {
  $("demo-error").textContent = "";
  try {
    await ask("POST", "/demo/play", { scene, target });
    await readDemo();
  } catch (error) {
    $("demo-error").textContent = error.message;
  }
}

function showDemo() {
  const inside = !$("pool").hidden;
  $("demo").hidden = !inside;
  if (inside) readDemo().catch(() => null);
}

async function beginDemo() {
  const health = await fetch(`${api}/health`).then((answer) => answer.json()).catch(() => ({}));
  if (!health.simulated) return;
  $("simulated").hidden = false;
  document.title = "anypool (simulated)";
  $("demo-scene").addEventListener("change", fitTarget);
  $("demo-heal").addEventListener("click", () => play("heal", ""));
  $("demo-form").addEventListener("submit", (event) => {
    event.preventDefault();
    play($("demo-scene").value, $("demo-target").value.trim());
  });
  new MutationObserver(showDemo).observe($("pool"), { attributes: true, attributeFilter: ["hidden"] });
  showDemo();
}

beginDemo();

// A slider and the number beside it say the same.
(() => {
  "use strict";
  document.addEventListener("input", event => {
    const moved = event.target;
    if (moved.dataset && moved.dataset.of) document.getElementById(moved.dataset.of).value = moved.value;
    else if (moved.id && moved.id.startsWith("k-")) {
      const slider = document.querySelector(`input[data-of="${moved.id}"]`);
      if (slider) slider.value = moved.value;
    }
  });
})();

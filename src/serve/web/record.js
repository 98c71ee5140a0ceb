// Recording with the microphone, which browsers allow on pages that come by https or from this machine.

const isThere = () => Boolean(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);

export class Recorder {
  // `onEnd` gets each recording as a file.
  constructor(button, { onEnd, onError }) {
    this.button = button;
    this.onEnd = onEnd;
    this.onError = onError;
    this.count = 0;
    this.recording = null; // a MediaRecorder
    this.ended = Promise.resolve(); // until the last recording has been handed on
    button.addEventListener("click", () => (this.recording ? this.end() : this.begin()));
  }

  show(is_wanted) {
    this.button.hidden = !is_wanted || !isThere();
    if (!is_wanted) this.end();
  }

  async begin() {
    this.button.disabled = true; // until the reader has allowed it
    try {
      const recording = new MediaRecorder(await navigator.mediaDevices.getUserMedia({ audio: true }));
      recording.start();
      this.recording = recording;
      this.ended = this.receive(recording);
      this.button.setAttribute("aria-pressed", "true");
    } catch (error) {
      this.onError(`The browser gives no microphone: ${error.message}`);
    }
    this.button.disabled = false;
  }

  end() {
    if (this.recording?.state === "recording") this.recording.stop();
    return this.ended;
  }

  // Also ends where the microphone goes away.
  async receive(recording) {
    const parts = [];
    recording.addEventListener("dataavailable", ({ data }) => parts.push(data));
    await new Promise((done) => recording.addEventListener("stop", done));
    for (const track of recording.stream.getTracks()) track.stop(); // the browser's sign goes off
    this.recording = null;
    this.button.setAttribute("aria-pressed", "false");
    this.onEnd(new File(parts, `Recording ${++this.count}`, { type: recording.mimeType }));
  }
}

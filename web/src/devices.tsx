import { useEffect, useState } from "preact/hooks";
import { devices, type Device } from "./api";

/** What each backend can use on the server's machine, and why not. */
export function Devices({ unlocked }: { unlocked: boolean }) {
  const [known, setKnown] = useState<Device[]>([]);
  const [error, setError] = useState("");
  useEffect(() => {
    if (unlocked) devices().then(setKnown, (reason: Error) => setError(reason.message));
  }, [unlocked]);
  return (
    <section aria-label="Devices">
      <h2>Devices</h2>
      {error && <p class="error">{error}</p>}
      <ul class="devices">
        {known.map((device) => (
          <li key={`${device.backend} ${device.name}`} class={device.usable ? "usable" : "unusable"}>
            <b>{device.backend}</b> {device.name !== device.backend && device.name}
            <small>{device.usable ? device.description : device.reason}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}

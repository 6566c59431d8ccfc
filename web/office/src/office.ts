// The office: signing in with a passkey, one's sessions, proposals that wait.
import "../../onboard/src/base.css";
import "./office.css";
import { mount } from "svelte";
import Office from "./Office.svelte";

const target = document.getElementById("app");
if (target) mount(Office, { target });

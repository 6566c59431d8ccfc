// The driver's terminal.
import "./base.css";
import { mount } from "svelte";
import Terminal from "./Terminal.svelte";

const target = document.getElementById("app");
if (target) mount(Terminal, { target });

# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Lifecycle transitions around four hooks: nothing is swallowed, and every way down passes through ``stop``."""

import traceback
from collections.abc import Callable
from typing import Any

from lifecycle_msgs.msg import State
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from robot_planner.errors import RobotPlannerError
from robot_planner.nodes.notify import notify

SUCCESS, FAILURE, ERROR = (
    TransitionCallbackReturn.SUCCESS,
    TransitionCallbackReturn.FAILURE,
    TransitionCallbackReturn.ERROR,
)
STEADY = Clock(clock_type=ClockType.STEADY_TIME)


class HookedLifecycleNode(LifecycleNode):
    """A lifecycle node with the hooks ``set_up``, ``start``, ``stop`` and ``tear_down``."""

    def __init__(self, name: str, **kwargs: Any) -> None:
        """Takes what rclpy's Node takes."""
        super().__init__(name, **kwargs)
        self.failure = ""
        """Why the node failed; latched until the next activation."""
        self.exit_status = 0
        self.on_exit: Callable[[str], None] = lambda reason: None
        """Ends the process; the runner sets it."""
        self._active = self._is_set_up = False
        self._stop_reason = ""
        notify("STATUS=unconfigured")

    # --- hooks ---

    def set_up(self) -> None:
        """Configure: makes what the node needs. Any exception: torn down again, the reason latched."""

    def start(self) -> None:
        """Activate; callbacks run from now on."""

    def stop(self, reason: str) -> None:
        """Makes safe: on deactivation, a fault, or shutdown. Callbacks run no more, publishers still publish."""

    def tear_down(self) -> None:
        """Drops what ``set_up`` made, even if it came only half-way."""

    @property
    def busy(self) -> bool:
        """Whether something has still to be sent before the process may end."""
        return False

    def read_parameters(self) -> None:
        """Called before ``set_up``."""

    def reset_counters(self) -> None:
        """Called before ``start``."""

    def flush(self) -> None:
        """Called at the end, after ``stop``: waits for what was published last."""

    def release(self) -> None:
        """Called after ``tear_down``: destroys what the node's own helpers made."""

    # --- state ---

    @property
    def active(self) -> bool:
        """Whether callbacks run."""
        return self._active

    @property
    def is_set_up(self) -> bool:
        """Whether ``set_up`` has been called, and ``tear_down`` not since."""
        return self._is_set_up

    @property
    def state(self) -> str:
        """Lifecycle state: unconfigured, inactive, active, finalized, or a transition."""
        return self._state_machine.current_state[1]

    def fault(self, reason: str) -> None:
        """Latches a reason and deactivates the node."""
        self._latch(reason)
        if self._active:
            self._stop_reason = reason
            self.trigger_deactivate()

    def start_by_itself(self) -> None:
        """Becomes active as soon as it is spun; if that fails the process ends with status 1."""

        def bring_up() -> None:
            timer.cancel()
            if self.state != "unconfigured":  # the events executor may have queued the timer twice
                return
            if self.trigger_configure() != SUCCESS or self.trigger_activate() != SUCCESS:
                self.exit_status = 1
                self.on_exit("it could not become active")

        timer = self.create_timer(0.0, bring_up, clock=STEADY)

    # --- transitions ---

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Reads the parameters and sets up."""

        def configure() -> None:
            self._is_set_up = True
            self.read_parameters()
            self.set_up()

        if self._attempt("configure", configure):
            return SUCCESS
        self._attempt("tear down", self._release, keep=True)
        return FAILURE

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Starts, then opens the gate."""
        self.failure = ""
        self.reset_counters()
        if not self._attempt("activate", self.start):
            self._attempt("stop", lambda: self.stop(self.failure), keep=True)
            return FAILURE
        self._active = True
        notify("READY=1", "STATUS=active")
        return SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Closes the gate, then stops; a stop that fails ends in ``unconfigured``, never in ``active``."""
        reason, self._stop_reason = self._stop_reason or "deactivated", ""
        notify(f"STATUS=inactive: {reason}")
        return SUCCESS if self._stop(reason) else ERROR

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Tears down."""
        return SUCCESS if self._attempt("clean up", self._release) else ERROR

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stops and tears down, from any state."""
        reason, self._stop_reason = self._stop_reason or "shut down", ""
        stopped = self._stop(reason)
        self.flush()
        released = self._attempt("tear down", self._release)
        return SUCCESS if stopped and released else ERROR

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Tears down what is left after a failed transition."""
        self._active = False
        self._attempt("tear down", self._release, keep=True)
        return SUCCESS

    def finish(self, reason: str) -> None:
        """Shuts down in order before the process ends."""
        self._stop_reason = reason
        notify("STOPPING=1")
        if self._state_machine.current_state[0] != State.PRIMARY_STATE_FINALIZED:
            self.trigger_shutdown()

    def _stop(self, reason: str) -> bool:
        """Closes the gate; True if the subclass stopped without an exception."""
        was_active, self._active = self._active, False
        return self._attempt("stop", lambda: self.stop(reason), keep=True) if was_active else True

    def _release(self) -> None:
        """Tears down once, and destroys what is left whatever happens."""
        was_set_up, self._is_set_up = self._is_set_up, False
        try:
            if was_set_up:
                self.tear_down()
        finally:
            self.release()

    def _attempt(self, what: str, action: Callable[[], None], keep: bool = False) -> bool:
        """Runs a step; its exception is logged (rclpy swallows it) and latched, unless an earlier one is to keep."""
        try:
            action()
        except RobotPlannerError as error:
            self._latch(str(error), keep)
        except Exception as error:
            self.get_logger().error(f"could not {what}:\n{traceback.format_exc()}")
            self._latch(f"could not {what}: {type(error).__name__}: {error}", keep)
        else:
            return True
        return False

    def _latch(self, reason: str, keep: bool = False) -> None:
        reason = " ".join(reason.split())  # one line, whatever a library put into its message
        self.get_logger().error(reason)
        if not (keep and self.failure):
            self.failure = reason
        notify(f"STATUS=failed: {reason}")

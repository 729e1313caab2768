"""Wake-ups: none is lost, many count as one, and they carry no facts."""

import threading

from engine.bus import Bus


def test_a_wake_up_before_the_wait_is_kept_and_many_count_as_one():
    bus = Bus()
    listener = bus.listen("queue")
    bus.wake("queue")
    bus.wake("queue", "queue")
    assert listener.wait(0)
    assert not listener.wait(0)


def test_only_those_who_listen_to_the_topic_are_woken():
    bus = Bus()
    queue, both = bus.listen("queue"), bus.listen("queue", "news")
    bus.wake("news")
    assert not queue.wait(0)
    assert both.wait(0)
    bus.wake("nobody")


def test_who_left_is_woken_no_more():
    bus = Bus()
    listener = bus.listen("queue", "news")
    bus.leave(listener)
    bus.leave(listener)
    bus.wake("queue", "news")
    assert not listener.wait(0)


def test_a_wait_ends_with_a_wake_up_from_another_thread():
    bus = Bus()
    listener = bus.listen("queue")
    waker = threading.Thread(target=bus.wake, args=("queue",))
    waker.start()
    assert listener.wait(30)
    waker.join()


def test_listening_and_leaving_while_others_wake_loses_nothing():
    bus = Bus()
    kept = bus.listen("queue")
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            bus.leave(bus.listen("queue", "news"))

    churning = threading.Thread(target=churn)
    churning.start()
    for _ in range(500):
        bus.wake("queue")
        assert kept.wait(30)
    stop.set()
    churning.join()

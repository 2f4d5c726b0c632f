using Grpc.Core;

namespace DistSgd.Worker.Hosting;

/// <summary>
/// How long the coordinator has been out of reach: says so after a second, then every few, and gives up after the retry deadline. Only what may pass by itself is waited for. One thread's at a time.
/// </summary>
/// <param name="coordinator">host:port, for the messages.</param>
/// <param name="retryDeadline">How long it is tried again.</param>
/// <param name="notice">Told, in sentences.</param>
/// <param name="time">Time.</param>
internal sealed class Outage(string coordinator, TimeSpan retryDeadline, Action<string>? notice, TimeProvider time)
{
    /// <summary>Between two attempts.</summary>
    public static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(200);

    private const string Silent = "it did not answer";

    private static readonly TimeSpan FirstNotice = TimeSpan.FromSeconds(0.8);
    private static readonly TimeSpan NoticeInterval = TimeSpan.FromSeconds(5);

    private long _began = time.GetTimestamp();
    private TimeSpan _nextNotice = FirstNotice;
    private string _why = Silent;

    /// <summary>How long one call may take: no longer than the coordinator is tried.</summary>
    /// <param name="most">At most.</param>
    public TimeSpan CallDeadline(TimeSpan most) => retryDeadline < most ? retryDeadline > RetryInterval ? retryDeadline : RetryInterval : most;

    /// <summary>The coordinator answered.</summary>
    /// <returns>Whether it had been said that it doesn't.</returns>
    public bool Ended()
    {
        bool told = _nextNotice > FirstNotice;
        (_began, _nextNotice, _why) = (time.GetTimestamp(), FirstNotice, Silent);
        return told;
    }

    /// <summary>A call failed.</summary>
    /// <exception cref="WorkerException">It is refused for good, or has failed for too long.</exception>
    public void Failed(RpcException refused)
    {
        if (refused.StatusCode is not (StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted or StatusCode.Aborted))
            throw new WorkerException($"The coordinator {coordinator} refused: {refused.Status.Detail}", refused);
        TimeSpan silent = time.GetElapsedTime(_began);
        // What it or its machine said tells more than that the last of the time ran out.
        _why = refused.StatusCode == StatusCode.DeadlineExceeded ? _why : refused.Status.Detail;
        if (silent >= retryDeadline)
            throw new WorkerException($"The coordinator {coordinator} could not be reached for {retryDeadline.TotalSeconds:0} s: {_why}", refused);
        if (silent < _nextNotice)
            return;
        _nextNotice = silent + NoticeInterval;
        notice?.Invoke($"the coordinator {coordinator} doesn't answer; it is tried for another {(retryDeadline - silent).TotalSeconds:0} s: {_why}");
    }
}

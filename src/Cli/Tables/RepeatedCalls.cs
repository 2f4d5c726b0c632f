using DistSgd.Cli.Doctor;
using DistSgd.Shared.CommandLine;
using DistSgd.Shared.Exchange;
using Grpc.Core;

namespace DistSgd.Cli.Tables;

/// <summary>Calls that are made again, under their old names, as long as their server may come back.</summary>
/// <param name="retryDeadline">For how long each is tried.</param>
/// <param name="notice">Told once a call, on any thread, whom it waits for, and how far a long transfer is.</param>
/// <param name="time">Time.</param>
internal sealed class RepeatedCalls(TimeSpan retryDeadline, Action<string> notice, TimeProvider time)
{
    /// <summary>After which the notice is given.</summary>
    public static readonly TimeSpan NoticeAfter = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan CallDeadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AnswerMin = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan BackoffFirst = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(1);

    /// <summary>Of a transfer of many calls.</summary>
    /// <param name="done">What happens to the bytes: pushed, pulled.</param>
    /// <param name="bytes">How many there are.</param>
    public TransferNotice Transfer(string done, long bytes) => new(done, bytes, notice, time);

    /// <summary>Makes a call until it is answered.</summary>
    /// <param name="server">host:port.</param>
    /// <param name="call">The call; it can be made twice.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ParameterException">It was not answered in time, or the server is one that waiting won't mend, or failed: <see cref="ParameterFault.Unavailable"/>. It was refused and has changed nothing: <see cref="ParameterFault.Invalid"/>.</exception>
    public async Task<T> CallAsync<T>(string server, Func<CallOptions, AsyncUnaryCall<T>> call, CancellationToken cancellationToken)
    {
        long started = time.GetTimestamp();
        bool isExamined = false;
        string why = "it gave no answer";
        string waiting = $"server {server} has not answered yet; it is tried for another {(retryDeadline - NoticeAfter).TotalSeconds:0} s (--retry-deadline {retryDeadline.TotalSeconds:0})";
        await using ITimer patience = time.CreateTimer(_ => notice(waiting), null, retryDeadline > NoticeAfter ? NoticeAfter : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        for (TimeSpan backoff = BackoffFirst; ; backoff = backoff * 2 < BackoffMax ? backoff * 2 : BackoffMax)
        {
            try
            {
                // No call outlasts the time for which its server is tried; but each has a moment.
                TimeSpan left = retryDeadline - time.GetElapsedTime(started);
                TimeSpan deadline = left > CallDeadline ? CallDeadline : left > AnswerMin ? left : AnswerMin;
                using AsyncUnaryCall<T> one = call(new CallOptions(deadline: (time.GetUtcNow() + deadline).UtcDateTime, cancellationToken: cancellationToken));
                return await one.ResponseAsync;
            }
            catch (RpcException refused)
            {
                cancellationToken.ThrowIfCancellationRequested();
                bool isAnswer = refused.StatusCode != StatusCode.DeadlineExceeded && refused.Status.DebugException is null;
                why = refused.StatusCode == StatusCode.DeadlineExceeded ? why : Printable.Text(refused.Status.DebugException?.GetBaseException().Message ?? refused.Status.Detail);
                if (!isAnswer && !isExamined)
                    await ExamineAsync(server, refused, cancellationToken);
                isExamined |= !isAnswer;
                bool isPassing = refused.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded || (refused.StatusCode == StatusCode.ResourceExhausted && !IsTooLarge(refused.Status));
                if (!isPassing || (isAnswer && time.GetElapsedTime(started) >= retryDeadline))
                    throw new ParameterException(IsRefusal(refused.StatusCode) ? ParameterFault.Invalid : ParameterFault.Unavailable, $"Server {server} answered {refused.StatusCode}: {Printable.Text(refused.Status.Detail).TrimEnd('.')}. `distsgd doctor {server}` may tell more.", refused);
                if (time.GetElapsedTime(started) >= retryDeadline)
                    throw new ParameterException(ParameterFault.Unavailable, $"Server {server} can't be reached: {why.TrimEnd('.')}; it was tried for {retryDeadline.TotalSeconds:0} s (--retry-deadline). `distsgd doctor {server}` may tell more.", refused);
            }
            await Task.Delay(backoff, time, cancellationToken);
        }
    }

    // What a call that changed nothing is answered with: docs/wire.md, "Statuses".
    private static bool IsRefusal(StatusCode code) => code is StatusCode.InvalidArgument or StatusCode.OutOfRange or StatusCode.NotFound or StatusCode.FailedPrecondition or StatusCode.Unimplemented;

    // A message beyond a limit of either side, in the words of every runtime: it gets no smaller by waiting.
    private static bool IsTooLarge(Status status) => status.Detail.Contains("exceeds the maximum configured message size", StringComparison.OrdinalIgnoreCase);

    // Ends what can't get better by waiting. A server may be refusing connections because it is only being started.
    private async Task ExamineAsync(string server, RpcException refused, CancellationToken cancellationToken)
    {
        Diagnosis found = await new ServerDoctor(time).ExamineAsync(server, cancellationToken);
        if (found.Lasts)
            throw new ParameterException(ParameterFault.Unavailable, found.Verdict == "tls" ? $"{server} speaks TLS, which this command doesn't: give a port without TLS." : found.Sentence, refused);
    }
}

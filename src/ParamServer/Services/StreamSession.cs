using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DistSgd.ParamServer.Metrics;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Wire;
using Grpc.Core;

namespace DistSgd.ParamServer.Services;

/// <summary>
/// The server's side of one stream: reads a message, does its exchanges in their order, answers, reads on. There is no queue: while answers
/// can't be written, since their reader is slow, nothing is read, and HTTP/2 holds the client back. What is refused is answered with a
/// refusal; the stream goes on.
/// </summary>
internal sealed class StreamSession(ShardRegistry shards, StreamBudget budget, TimeProvider time, PeerTraffic? peer = null, Action? giveWay = null) : IStreamHolder, IDisposable
{
    // Answers are sent as soon as there are so many bytes of them, or as many as one exchange may have, or there is nothing more to do. Each flush costs Kestrel a wait and two changes of threads.
    private const int FlushBytes = 512 << 10;

    private readonly OutgoingFrames _answers = new();
    private RequestKeys _keys = new(0, 0, 0);
    private StreamCredit _granted;
    private string? _job;
    private long _reserved;
    private long _movedAt = time.GetTimestamp();

    /// <inheritdoc/>
    public long MovedAt => Volatile.Read(ref _movedAt);

    /// <inheritdoc/>
    public void GiveWay() => giveWay?.Invoke();

    /// <summary>Serves the stream to its end.</summary>
    /// <param name="requests">What the client sends.</param>
    /// <param name="responses">What it is sent.</param>
    /// <param name="cancellationToken">Ends it between messages.</param>
    public async Task RunAsync(IAsyncStreamReader<IncomingFrames> requests, IServerStreamWriter<OutgoingFrames> responses, CancellationToken cancellationToken)
    {
        while (await requests.ReadNextAsync(cancellationToken))
        {
            using IncomingFrames message = requests.Current;
            long arrived = time.GetTimestamp();
            Volatile.Write(ref _movedAt, arrived);
            while (DoNext(message, arrived))
            {
                if (_answers.Length >= Math.Min(FlushBytes, _granted.ExchangeBytes))
                    await FlushAsync(responses);
            }
            if (_answers.Length > 0)
                await FlushAsync(responses);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => budget.Release(this, _reserved);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask FlushAsync(IServerStreamWriter<OutgoingFrames> responses)
    {
        await responses.WriteNextAsync(_answers);
        Volatile.Write(ref _movedAt, time.GetTimestamp());
        _answers.Clear(keptBytesMax: 2 * FlushBytes);
    }

    private bool DoNext(IncomingFrames message, long arrived)
    {
        try
        {
            if (!message.TryNext(out ClientFrameKind kind, out WirePart place))
                return false;
            if (kind == ClientFrameKind.Hello)
                Greet(message.ReadHello(place));
            else if (kind == ClientFrameKind.Exchange)
                Do(message.Message, place, arrived);
            else
                _answers.Refuse(0, StatusCode.InvalidArgument, "A frame is neither a hello nor an exchange.");
            return true;
        }
        catch (InvalidDataException malformed)
        {
            _answers.Refuse(0, StatusCode.InvalidArgument, $"Malformed message: {malformed.Message}.");
            return true;
        }
    }

    private void Greet(in HelloFrame hello)
    {
        if (hello.Version != ParametersContract.StreamVersion)
        {
            _answers.Refuse(0, StatusCode.FailedPrecondition,
                $"Version {hello.Version} of the stream's contract isn't known here; say hello with version {ParametersContract.StreamVersion}.");
            return;
        }
        if (_job is not null)
        {
            _answers.Refuse(0, StatusCode.FailedPrecondition, "Hello was said before; open another stream for another job.");
            return;
        }
        if (!budget.TryReserve(this, hello.Wanted, out _granted, out _reserved))
            throw new RpcException(new Status(StatusCode.ResourceExhausted, "The memory for streams of this server is taken; try again later."));
        _job = hello.Job;
        _keys = new RequestKeys(_granted.KeySets, _granted.KeySetBytes, _granted.ExchangeBytes);
        _answers.Welcome(ParametersContract.StreamVersion, _granted);
    }

    private void Do(ReadOnlySpan<byte> message, WirePart place, long arrived)
    {
        using ExchangeMeter meter = new(peer, arrived);
        var exchange = new ExchangeFrame();
        try
        {
            exchange.ReadStreamed(message, place);
            Do(exchange, message, arrived);
            meter.Done();
            return;
        }
        catch (InvalidDataException malformed)
        {
            _answers.Refuse(exchange.Id, StatusCode.InvalidArgument, $"Malformed exchange: {malformed.Message}.");
        }
        catch (ParameterException refused)
        {
            _answers.Refuse(exchange.Id, refused.Fault.ToStatusCode(), refused.Message);
        }
        catch (RpcException refused)
        {
            _answers.Refuse(exchange.Id, refused.StatusCode, refused.Status.Detail);
        }
        _keys.Forget(exchange.PushKeys);
        _keys.Forget(exchange.PullKeys);
    }

    private void Do(in ExchangeFrame exchange, ReadOnlySpan<byte> message, long arrived)
    {
        CheckForm(exchange, arrived);
        ParameterShard shard = shards.Find(_job!, exchange.Shard);
        ShardKeys pushKeys = exchange.HasPush ? _keys.Read(exchange.PushKeys, message, shard, place: 0) : default;
        ShardKeys pullKeys = exchange.HasPull ? _keys.Read(exchange.PullKeys, message, shard, place: 1) : default;
        int floats = exchange.HasPull ? ParametersService.CheckPull(shard, pullKeys, exchange.Part, _granted.ExchangeBytes) : 0;
        ReadOnlySpan<float> values = MemoryMarshal.Cast<byte, float>(message.Slice(exchange.Values.Start, exchange.Values.Length));
        bool isDuplicate = exchange.HasPush && !shard.Push(exchange.Push, pushKeys, values);
        Span<float> pulled = _answers.BeginAnswer(exchange.Id, isDuplicate, floats);
        try
        {
            _answers.EndAnswer(exchange.HasPull ? shard.Pull(pullKeys, exchange.Part, pulled) : shard.Version);
        }
        catch
        {
            _answers.UndoAnswer();
            throw;
        }
    }

    private void CheckForm(in ExchangeFrame exchange, long arrived)
    {
        if (_job is null)
            throw Refused(StatusCode.FailedPrecondition, "A stream begins with a hello that names the job.");
        if (exchange.Id == 0)
            throw Refused(StatusCode.InvalidArgument, "An exchange on a stream has an id other than 0, which its answer bears.");
        if (!exchange.HasPush && !exchange.HasPull)
            throw Refused(StatusCode.InvalidArgument, "An exchange holds a push, a pull, or both; this one holds neither.");
        if (exchange.TimeoutMs > 0 && time.GetElapsedTime(arrived) > TimeSpan.FromMilliseconds(exchange.TimeoutMs))
            throw Refused(StatusCode.DeadlineExceeded, $"The exchange's turn didn't come within its {exchange.TimeoutMs} ms; nothing was done. Read answers faster, or have less under way.");
        if (exchange.HasPush && exchange.HasPull && exchange.PullKeys is { Set: > 0, HasList: true } && exchange.PullKeys.Set == exchange.PushKeys.Set)
            throw Refused(StatusCode.InvalidArgument, $"Key set {exchange.PullKeys.Set} can't be pushed to and given new keys in one exchange.");
    }

    private static RpcException Refused(StatusCode code, string message) => new(new Status(code, message));
}

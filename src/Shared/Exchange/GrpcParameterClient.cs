using DistSgd.Shared.Sharding;
using DistSgd.Shared.Wire;
using Grpc.Core;
using Grpc.Net.Client;

namespace DistSgd.Shared.Exchange;

/// <summary>Where a shard lives.</summary>
/// <param name="Shard">Its number in the job.</param>
/// <param name="Keys">Its keys.</param>
/// <param name="Server">host:port of its owner.</param>
public sealed record ShardPlacement(int Shard, KeyRange Keys, string Server);

/// <summary>Bounds of a <see cref="GrpcParameterClient"/>.</summary>
public sealed record GrpcClientOptions
{
    /// <summary>How long one call may take before it is given up and tried again.</summary>
    public TimeSpan CallDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an exchange is tried again before the client gives up.</summary>
    public TimeSpan RetryDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Largest message in either direction.</summary>
    public int MessageBytesMax { get; init; } = 256 << 20;

    /// <summary>Told, once a broken exchange, whom is waited for and why.</summary>
    public Action<string>? Waiting { get; init; }

    /// <summary>Time.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>
/// The gRPC form of <see cref="IParameterClient"/>: one unary call a shard, all shards at once. Values go straight between the caller's
/// buffers and the transport's.
/// </summary>
public sealed class GrpcParameterClient : IParameterClient
{
    private static readonly TimeSpan BackoffFirst = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(1);

    private readonly GrpcClientOptions _options;
    private readonly Dictionary<string, GrpcChannel> _channels = [];
    private readonly Slot[] _slots;
    private readonly Task[] _calls;
    private readonly int _entryFloats;
    private readonly int _width;

    /// <summary>Makes a client; connects when first used.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="entryFloats">Floats of an entry.</param>
    /// <param name="placements">Shards in order of their numbers.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="width">Values of a key.</param>
    public GrpcParameterClient(string job, int entryFloats, IReadOnlyList<ShardPlacement> placements, GrpcClientOptions options, int width = 1)
    {
        _options = options;
        _entryFloats = entryFloats;
        _width = width;
        _slots = [.. placements.Select(placement => new Slot(job, placement, Channel(placement.Server).CreateCallInvoker()))];
        _calls = new Task[_slots.Length];
    }

    /// <inheritdoc/>
    public int ShardCount => _slots.Length;

    /// <inheritdoc/>
    public long BytesPushed { get; private set; }

    /// <inheritdoc/>
    public long BytesPulled { get; private set; }

    /// <inheritdoc/>
    public async ValueTask ExecuteAsync(ParameterExchange exchange, CancellationToken cancellationToken)
    {
        for (int i = 0; i < _slots.Length; i++)
            _calls[i] = CallAsync(_slots[i], Prepare(_slots[i], exchange), cancellationToken);
        await Task.WhenAll(_calls);
        exchange.Duplicate = false;
        for (int i = 0; i < _slots.Length; i++)
        {
            exchange.PulledVersions[i] = _slots[i].Response.Version;
            exchange.Duplicate |= _slots[i].Response.Duplicate;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        foreach (GrpcChannel channel in _channels.Values)
            channel.Dispose();
        return ValueTask.CompletedTask;
    }

    private GrpcChannel Channel(string server)
    {
        if (!_channels.TryGetValue(server, out GrpcChannel? channel))
        {
            channel = GrpcChannel.ForAddress($"http://{server}", new GrpcChannelOptions { MaxReceiveMessageSize = _options.MessageBytesMax, MaxSendMessageSize = _options.MessageBytesMax });
            _channels.Add(server, channel);
        }
        return channel;
    }

    // Fills the slot's request with this shard's part of the exchange and picks the method; null: nothing to ask of this shard.
    private Method<OutgoingRequest, IncomingResponse>? Prepare(Slot slot, ParameterExchange exchange)
    {
        OutgoingRequest request = slot.Request;
        (request.PushKeys, request.PullKeys) = (exchange.PushKeys, exchange.PullKeys);
        slot.Response.Destination = default;
        if (exchange.PushKeys is not null)
        {
            (request.PushStart, request.PushCount) = exchange.PushKeys.Within(slot.Placement.Keys);
            int stride = exchange.PushKind == PushKind.Delta ? _entryFloats : _width;
            request.Push = new PushHeader(exchange.PushName, exchange.PushKind, exchange.Step, exchange.RateSum, exchange.ReadVersions[slot.Placement.Shard]);
            request.Values = exchange.PushValues.Slice(request.PushStart * stride, request.PushCount * stride);
            BytesPushed += (long)request.Values.Length * sizeof(float) + (exchange.PushKeys.IsRange ? 0 : (long)request.PushCount * sizeof(uint));
        }
        if (exchange.PullKeys is not null)
        {
            (request.PullStart, request.PullCount) = exchange.PullKeys.Within(slot.Placement.Keys);
            int stride = exchange.PullPart == PullPart.Entries ? _entryFloats : _width;
            request.Part = exchange.PullPart;
            slot.Response.Destination = exchange.Pulled.Slice(request.PullStart * stride, request.PullCount * stride);
            BytesPulled += (long)slot.Response.Destination.Length * sizeof(float);
        }
        return (exchange.PushKeys, exchange.PullKeys) switch
        {
            (not null, not null) => slot.PushPull,
            (not null, null) => slot.Push,
            (null, not null) => slot.Pull,
            _ => null,
        };
    }

    private async Task CallAsync(Slot slot, Method<OutgoingRequest, IncomingResponse>? method, CancellationToken cancellationToken)
    {
        if (method is null)
            return;
        long started = _options.Time.GetTimestamp();
        TimeSpan backoff = BackoffFirst;
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                var options = new CallOptions(deadline: (_options.Time.GetUtcNow() + _options.CallDeadline).UtcDateTime, cancellationToken: cancellationToken);
                using AsyncUnaryCall<IncomingResponse> call = slot.Invoker.AsyncUnaryCall(method, null, options, slot.Request);
                await call.ResponseAsync;
                return;
            }
            catch (RpcException refused) when (IsTransient(refused.StatusCode) && _options.Time.GetElapsedTime(started) < _options.RetryDeadline)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (attempt == 1)
                    _options.Waiting?.Invoke($"waiting for server {slot.Placement.Server} (shard {slot.Placement.Shard}): {refused.Status.Detail}");
                await Task.Delay(backoff, _options.Time, cancellationToken);
                backoff = backoff * 2 < BackoffMax ? backoff * 2 : BackoffMax;
            }
            catch (RpcException refused)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw Explain(slot.Placement, refused);
            }
        }
    }

    private static bool IsTransient(StatusCode code) => code is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted or StatusCode.Aborted;

    private ParameterException Explain(ShardPlacement placement, RpcException refused) => refused.StatusCode switch
    {
        StatusCode.InvalidArgument => new ParameterException(ParameterFault.Invalid, refused.Status.Detail, refused),
        StatusCode.OutOfRange => new ParameterException(ParameterFault.NotFinite, refused.Status.Detail, refused),
        StatusCode.NotFound => new ParameterException(ParameterFault.NotFound, refused.Status.Detail, refused),
        StatusCode.ResourceExhausted => new ParameterException(ParameterFault.Exhausted, $"Server {placement.Server} is at a bound: {refused.Status.Detail}", refused),
        StatusCode.Internal or StatusCode.Unimplemented or StatusCode.Unknown => new ParameterException(ParameterFault.Unavailable,
            $"Server {placement.Server}, which owns shard {placement.Shard}, answered {refused.StatusCode}: {refused.Status.Detail}", refused),
        _ => new ParameterException(ParameterFault.Unavailable,
            $"Server {placement.Server}, which owns shard {placement.Shard}, could not be reached for {_options.RetryDeadline.TotalSeconds:0} s: {refused.Status.Detail}", refused),
    };

    // What one shard's calls use again and again.
    private sealed class Slot
    {
        public Slot(string job, ShardPlacement placement, CallInvoker invoker)
        {
            Placement = placement;
            Invoker = invoker;
            Request = new OutgoingRequest(job, placement.Shard, placement.Keys.First);
            Push = ParametersContract.ClientMethod("Push", Response);
            Pull = ParametersContract.ClientMethod("Pull", Response);
            PushPull = ParametersContract.ClientMethod("PushPull", Response);
        }

        public ShardPlacement Placement { get; }

        public CallInvoker Invoker { get; }

        public OutgoingRequest Request { get; }

        public IncomingResponse Response { get; } = new();

        public Method<OutgoingRequest, IncomingResponse> Push { get; }

        public Method<OutgoingRequest, IncomingResponse> Pull { get; }

        public Method<OutgoingRequest, IncomingResponse> PushPull { get; }
    }
}

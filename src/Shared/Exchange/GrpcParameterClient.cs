using DistSgd.Kernels;
using DistSgd.Shared.Sharding;
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
    /// <summary>How long a server may leave everything that was sent unanswered before its connection is given up and everything is sent again; where <see cref="RetryDeadline"/> is shorter, that, but a second at least.</summary>
    public TimeSpan CallDeadline { get => TimeSpan.FromTicks(Math.Min(field.Ticks, Math.Max(RetryDeadline.Ticks, TimeSpan.TicksPerSecond))); init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an exchange is tried again, since its server last answered anything, before the client gives up.</summary>
    public TimeSpan RetryDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Largest message in either direction.</summary>
    public int MessageBytesMax { get; init; } = 256 << 20;

    /// <summary>Told, once a broken exchange, whom is waited for and why.</summary>
    public Action<string>? Waiting { get; init; }

    /// <summary>Time.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>
/// The gRPC form of <see cref="IParameterClient"/>: one stream a server, on which any number of exchanges are under way. Values go straight
/// between the caller's buffers and the transport's; large vectors are cut into pieces. Any thread; several exchanges at once.
/// </summary>
public sealed class GrpcParameterClient : IParameterClient
{
    private readonly Lock _gate = new();
    private readonly CallInvoker? _invoker;
    private readonly GrpcClientOptions _options;
    private readonly IReadOnlyList<ShardPlacement> _placements;
    private readonly Dictionary<string, GrpcChannel> _channels = [];
    private readonly Dictionary<string, ParameterStream> _streams = [];
    private readonly ParameterStream[] _streamOfShard;
    private readonly KeyFloats _floats;

    // Under _gate.
    private readonly Stack<ExchangeRound> _idle = new();
    private long _bytesPushed;
    private long _bytesPulled;

    /// <summary>Makes a client; connects when first used.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="entryFloats">Floats of an entry.</param>
    /// <param name="placements">Shards in order of their numbers.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="width">Values of a key.</param>
    public GrpcParameterClient(string job, int entryFloats, IReadOnlyList<ShardPlacement> placements, GrpcClientOptions options, int width = 1)
        : this(job, new KeyFloats(width, entryFloats, entryFloats), placements, options)
    {
    }

    /// <summary>Makes a client; connects when first used.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="floats">Floats of its keys.</param>
    /// <param name="placements">Shards in order of their numbers.</param>
    /// <param name="options">Bounds.</param>
    public GrpcParameterClient(string job, KeyFloats floats, IReadOnlyList<ShardPlacement> placements, GrpcClientOptions options)
        : this(job, floats, placements, options, invoker: null)
    {
    }

    /// <summary>Makes a client that speaks to all servers through the given invoker; null: over channels of its own.</summary>
    internal GrpcParameterClient(string job, KeyFloats floats, IReadOnlyList<ShardPlacement> placements, GrpcClientOptions options, CallInvoker? invoker)
    {
        _invoker = invoker;
        _options = options;
        _floats = floats;
        _placements = [.. placements];
        _streamOfShard = [.. placements.Select(placement => Stream(job, placement.Server))];
    }

    /// <inheritdoc/>
    public int ShardCount => _placements.Count;

    /// <inheritdoc/>
    public long BytesPushed
    {
        get
        {
            lock (_gate)
                return _bytesPushed;
        }
    }

    /// <inheritdoc/>
    public long BytesPulled
    {
        get
        {
            lock (_gate)
                return _bytesPulled;
        }
    }

    /// <summary>Bytes of all messages on all streams, without HTTP's own.</summary>
    internal (long Sent, long Received) MessageBytes =>
        (_streams.Values.Sum(stream => stream.MessageBytes.Sent), _streams.Values.Sum(stream => stream.MessageBytes.Received));

    /// <inheritdoc/>
    public ValueTask ExecuteAsync(ParameterExchange exchange, CancellationToken cancellationToken)
    {
        ExchangeRound round = Begin(exchange, cancellationToken);
        ValueTask task = round.Task;
        CheckValues(round);
        round.ListenForCancellation();
        for (int i = 0; i < round.Works.Length; i++)
            _streamOfShard[i].Enqueue(round.Works[i]);
        return task;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (ParameterStream stream in _streams.Values)
            await stream.DisposeAsync();
        foreach (GrpcChannel channel in _channels.Values)
            channel.Dispose();
    }

    /// <summary>Ends a round whose token was cancelled.</summary>
    internal void Cancel(ExchangeRound round)
    {
        lock (_gate)
            round.CancelIfAsked();
    }

    /// <summary>Takes back a round that has been awaited.</summary>
    internal void Return(ExchangeRound round)
    {
        lock (_gate)
            _idle.Push(round);
    }

    private ExchangeRound Begin(ParameterExchange exchange, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!_idle.TryPop(out ExchangeRound? round))
                round = new ExchangeRound(this, _placements, _floats);
            round.Begin(exchange, _options.Time.GetTimestamp(), cancellationToken);
            foreach (ShardWork work in round.Works)
            {
                _bytesPushed += work.PushedBytes;
                _bytesPulled += work.PulledBytes;
            }
            return round;
        }
    }

    // A push that is cut is applied as it arrives, so it is looked at before any of it leaves.
    private void CheckValues(ExchangeRound round)
    {
        foreach (ShardWork work in round.Works)
        {
            if (!work.IsPushCut || AllFinite.Check(work.PushValues.Span))
                continue;
            lock (_gate)
            {
                round.Fail(new ParameterException(ParameterFault.NotFinite,
                    $"The push to shard {work.Placement.Shard} holds NaN or infinite values; nothing of it was sent. Lower --learning-rate or use --scale on."));
            }
            return;
        }
    }

    private ParameterStream Stream(string job, string server)
    {
        if (_streams.TryGetValue(server, out ParameterStream? stream))
            return stream;
        stream = new ParameterStream(job, server, _invoker ?? Connect(server), _options, _gate);
        _streams.Add(server, stream);
        return stream;
    }

    private CallInvoker Connect(string server)
    {
        GrpcChannel channel = GrpcChannel.ForAddress($"http://{server}", new GrpcChannelOptions { MaxReceiveMessageSize = _options.MessageBytesMax, MaxSendMessageSize = _options.MessageBytesMax });
        _channels.Add(server, channel);
        return channel.CreateCallInvoker();
    }
}

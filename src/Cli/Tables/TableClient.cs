using System.Runtime.InteropServices;
using DistSgd.Cli.Doctor;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Sharding;
using Google.Protobuf;
using Grpc.Net.Client;
using V1 = DistSgd.Protos.V1;

namespace DistSgd.Cli.Tables;

/// <summary>One table of a running job, as the servers describe it: its keys, and the shards that hold them.</summary>
internal sealed class TableClient : IDisposable
{
    private const int MessageBytesMax = 256 << 20;
    private const int PulledKeysMax = 1 << 20;

    private readonly string _job;
    private readonly RepeatedCalls _calls;
    private readonly List<GrpcChannel> _channels = [];
    private readonly List<Piece> _pieces = [];
    private JobDescription? _description;

    private TableClient(string job, RepeatedCalls calls) => (_job, _calls) = (job, calls);

    /// <summary>The keys that are read or changed, in the job's key space.</summary>
    public KeyRange Keys { get; private set; }

    /// <summary>Values of a key.</summary>
    public int Width => (int)_description!.Width;

    /// <summary>Values and optimizer state of a key.</summary>
    public int EntryFloats => (int)_description!.EntryFloats;

    /// <summary>Asks the servers for the job.</summary>
    /// <param name="servers">host:port of each.</param>
    /// <param name="job">The job's name.</param>
    /// <param name="table">The table's name.</param>
    /// <param name="range">Keys within the table; null: all.</param>
    /// <param name="calls">Makes the calls.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ParameterException">A server can't be reached or speaks another contract, or they don't hold that job, table or range.</exception>
    public static async Task<TableClient> OpenAsync(IReadOnlyList<string> servers, string job, string table, KeyRange? range, RepeatedCalls calls, CancellationToken cancellationToken)
    {
        var client = new TableClient(job, calls);
        try
        {
            foreach (string server in servers)
                await client.AddAsync(server, cancellationToken);
            client.Choose(table, range, string.Join(", ", servers));
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Reads the keys' values, in their order.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ParameterException">A server can't be reached, refuses, or answers with more or fewer values than the keys have.</exception>
    public async Task<float[]> PullAsync(CancellationToken cancellationToken)
    {
        var values = new float[Keys.Count * Width];
        foreach (Piece piece in _pieces)
        {
            KeyRange own = piece.Keys.Intersect(Keys);
            for (long first = own.First; first < own.End; first += PulledKeysMax)
            {
                var keys = new ShardKeys { First = (ulong)(first - piece.Keys.First), Count = (ulong)Math.Min(PulledKeysMax, own.End - first) };
                var request = new PullRequest { Job = _job, Shard = piece.Shard, Pull = new Pull { Keys = keys } };
                PullResponse answer = await _calls.CallAsync(piece.Server, options => piece.Client.PullAsync(request, options), cancellationToken);
                Span<byte> asked = MemoryMarshal.AsBytes(values.AsSpan((int)(first - Keys.First) * Width, (int)keys.Count * Width));
                if (answer.Values.Length != asked.Length)
                    throw new ParameterException(ParameterFault.Invalid, $"Server {piece.Server} answered a pull of {keys.Count} keys with {answer.Values.Length} bytes; expected {asked.Length}, {Width} float32 a key. `distsgd doctor {piece.Server}` may tell more.");
                answer.Values.Span.CopyTo(asked);
            }
        }
        return values;
    }

    /// <summary>Pushes to every shard of the job that the servers hold, to each its part, all under one name.</summary>
    /// <param name="push">Name, kind, rate sum; its step is the count of pushes that the shard has applied.</param>
    /// <param name="values">As many a key as the kind asks for.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Each shard's answer.</returns>
    public async Task<IReadOnlyList<(uint Shard, PushResponse Answer)>> PushAsync(Push push, ReadOnlyMemory<float> values, CancellationToken cancellationToken)
    {
        int stride = push.Kind == V1.PushKind.Delta ? EntryFloats : Width;
        var answers = new List<(uint, PushResponse)>();
        foreach (Piece piece in _pieces)
        {
            KeyRange own = piece.Keys.Intersect(Keys);
            Push part = push.Clone();
            (part.ReadVersion, part.Step) = (piece.Version, piece.Version);
            part.Keys = own.Count == 0 ? new ShardKeys() : new ShardKeys { First = (ulong)(own.First - piece.Keys.First), Count = (ulong)own.Count };
            part.Values = own.Count == 0 ? ByteString.Empty
                : ByteString.CopyFrom(MemoryMarshal.AsBytes(values.Span.Slice((int)(own.First - Keys.First) * stride, (int)own.Count * stride)));
            var request = new PushRequest { Job = _job, Shard = piece.Shard, Push = part };
            answers.Add((piece.Shard, await _calls.CallAsync(piece.Server, options => piece.Client.PushAsync(request, options), cancellationToken)));
        }
        return answers;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (GrpcChannel channel in _channels)
            channel.Dispose();
    }

    private async Task AddAsync(string server, CancellationToken cancellationToken)
    {
        GrpcChannel channel = GrpcChannel.ForAddress($"http://{server}", new GrpcChannelOptions { MaxReceiveMessageSize = MessageBytesMax, MaxSendMessageSize = MessageBytesMax });
        _channels.Add(channel);
        var shards = new V1.Shards.ShardsClient(channel);
        var parameters = new Parameters.ParametersClient(channel);
        DescribeResponse answer = await _calls.CallAsync(server, options => shards.DescribeAsync(new DescribeRequest { Job = _job }, options), cancellationToken);
        if (ServerDoctor.ExplainContract(server, answer) is { } problem)
            throw new ParameterException(ParameterFault.Invalid, problem);
        _description ??= answer.Jobs.FirstOrDefault();
        _pieces.AddRange(answer.Shards.Select(shard => new Piece(server, parameters, shard.Shard, new KeyRange((long)shard.FirstKey, (long)shard.Count), shard.Version)));
    }

    private void Choose(string name, KeyRange? range, string servers)
    {
        if (_description is null)
            throw new ParameterException(ParameterFault.NotFound, $"Job '{_job}' isn't on {servers}; `distsgd doctor` lists the jobs that are.");
        Table table = _description.Tables.FirstOrDefault(known => known.Name == name)
            ?? throw new ParameterException(ParameterFault.NotFound, $"Job '{_job}' has no table '{name}'; it has {string.Join(", ", _description.Tables.Select(known => $"'{known.Name}'"))}.");
        if (range is { } part && part.End > (long)table.Count)
            throw new ParameterException(ParameterFault.Invalid, $"--range {part.First}..{part.End} reaches beyond the {table.Count} keys of table '{name}'.");
        Keys = range is { } within ? new KeyRange((long)table.FirstKey + within.First, within.Count) : new KeyRange((long)table.FirstKey, (long)table.Count);
        if (Keys.Count * Math.Max(Width, EntryFloats) > Array.MaxLength)
            throw new ParameterException(ParameterFault.Invalid, $"{Keys.Count:N0} keys of table '{name}' are too many at once; give a --range.");
        long held = _pieces.Sum(piece => piece.Keys.Intersect(Keys).Count);
        if (held != Keys.Count)
            throw new ParameterException(ParameterFault.NotFound, $"{servers} hold {held:N0} of the {Keys.Count:N0} keys; name all servers of job '{_job}' with --server.");
    }

    private sealed record Piece(string Server, Parameters.ParametersClient Client, uint Shard, KeyRange Keys, ulong Version);
}

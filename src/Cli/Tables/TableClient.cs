using System.Runtime.InteropServices;
using DistSgd.Cli.Doctor;
using DistSgd.Protos.V1;
using DistSgd.Shared.CommandLine;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Sharding;
using Google.Protobuf;
using Grpc.Net.Client;
using V1 = DistSgd.Protos.V1;

namespace DistSgd.Cli.Tables;

/// <summary>
/// Keys of one table of a running job, read and changed by calls. Each call takes a piece of at most 1 MiB of values: so little passes within a
/// call's deadline on slow lines too, and within every server's limits.
/// </summary>
internal sealed class TableClient : IDisposable
{
    /// <summary>Most floats of a piece.</summary>
    public const int PieceFloats = JobSight.KeyFloatsMax;

    private readonly RepeatedCalls _calls;
    private readonly Dictionary<string, GrpcChannel> _channels;
    private readonly string _job;
    private readonly JobSight _sight;

    private TableClient(string job, RepeatedCalls calls) => (_job, _calls, _channels, _sight) = (job, calls, [], new JobSight(job));

    /// <summary>The keys that are read or changed, in the job's key space.</summary>
    public KeyRange Keys { get; private set; }

    /// <summary>Values of a key.</summary>
    public int Width => _sight.Width;

    /// <summary>Values and optimizer state of a key.</summary>
    public int EntryFloats => _sight.EntryFloats;

    /// <summary>Asks the servers for the job.</summary>
    /// <param name="servers">host:port of each.</param>
    /// <param name="job">The job's name.</param>
    /// <param name="table">The table's name.</param>
    /// <param name="range">Keys within the table; null: all.</param>
    /// <param name="calls">Makes the calls.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ParameterException">A server can't be reached, speaks another contract or describes what can't be, or they don't hold each key of that job, table and range once.</exception>
    public static async Task<TableClient> OpenAsync(IReadOnlyList<string> servers, string job, string table, KeyRange? range, RepeatedCalls calls, CancellationToken cancellationToken)
    {
        var client = new TableClient(job, calls);
        try
        {
            foreach (string server in servers)
                await client.AddAsync(server, cancellationToken);
            client.Keys = client._sight.Find(table, range);
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
        TransferNotice progress = _calls.Transfer("pulled", (long)values.Length * sizeof(float));
        foreach (DescribedShard shard in _sight.Shards)
        {
            foreach (KeyRange piece in Pieces(shard, Width))
            {
                var request = new PullRequest { Job = _job, Shard = shard.Number, Pull = new Pull { Keys = KeysOf(shard, piece) } };
                PullResponse answer = await _calls.CallAsync(shard.Server, options => Client(shard).PullAsync(request, options), cancellationToken);
                Span<byte> asked = MemoryMarshal.AsBytes(values.AsSpan((int)(piece.First - Keys.First) * Width, (int)piece.Count * Width));
                if (answer.Values.Length != asked.Length)
                    throw new ParameterException(ParameterFault.Invalid, $"Server {shard.Server} answered a pull of {piece.Count} keys with {answer.Values.Length} bytes; expected {asked.Length}, {Width} float32 a key. `distsgd doctor {shard.Server}` may tell more.");
                answer.Values.Span.CopyTo(asked);
                progress.Moved(asked.Length);
            }
        }
        return values;
    }

    /// <summary>Pushes to every shard of the job that the servers hold, to each its part, all under one name.</summary>
    /// <param name="push">Name, kind, rate sum; its step is the count of pushes that the shard has applied.</param>
    /// <param name="values">As many a key as the kind asks for.</param>
    /// <param name="applied">Told of each shard that has applied all of its part: the last answer, which is a duplicate if all were.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ParameterException">A server can't be reached or refuses. If something is or may be applied, the message says where, and under which name to send it again.</exception>
    /// <exception cref="InterruptedException">Given up; the message says the same.</exception>
    public async Task PushAsync(Push push, ReadOnlyMemory<float> values, Action<DescribedShard, PushResponse> applied, CancellationToken cancellationToken)
    {
        var trace = new PushTrace(push.Name);
        TransferNotice progress = _calls.Transfer("pushed", (long)values.Length * sizeof(float));
        try
        {
            foreach (DescribedShard shard in _sight.Shards)
            {
                trace.Begin(shard);
                applied(shard, await PushAsync(push, shard, values, trace, progress, cancellationToken));
                trace.End();
            }
        }
        catch (ParameterException refused) when (trace.Explain(mayBeApplied: refused.Fault == ParameterFault.Unavailable) is { } where)
        {
            throw new ParameterException(refused.Fault, $"{refused.Message} {where}", refused);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested && trace.Explain(mayBeApplied: true) is { } where)
        {
            throw new InterruptedException($"Interrupted. {where}");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (GrpcChannel channel in _channels.Values)
            channel.Dispose();
    }

    private async Task<PushResponse> PushAsync(Push push, DescribedShard shard, ReadOnlyMemory<float> values, PushTrace trace, TransferNotice progress, CancellationToken cancellationToken)
    {
        int stride = push.Kind == V1.PushKind.Delta ? EntryFloats : Width;
        // A shard without any of the keys hears of the push all the same: its clock follows.
        KeyRange[] pieces = Pieces(shard, stride) is { Length: > 0 } some ? some : [new KeyRange(shard.Keys.First, 0)];
        PushResponse? answer = null;
        bool isDuplicate = true;
        for (int i = 0; i < pieces.Length; i++)
        {
            Push part = push.Clone();
            (part.ReadVersion, part.Step) = (shard.Version, shard.Version);
            (part.Part, part.Parts) = pieces.Length == 1 ? (0u, 0u) : ((uint)i, (uint)pieces.Length);
            part.Keys = KeysOf(shard, pieces[i]);
            if (pieces[i].Count > 0)
                part.Values = ByteString.CopyFrom(MemoryMarshal.AsBytes(values.Span.Slice((int)(pieces[i].First - Keys.First) * stride, (int)pieces[i].Count * stride)));
            var request = new PushRequest { Job = _job, Shard = shard.Number, Push = part };
            answer = await _calls.CallAsync(shard.Server, options => Client(shard).PushAsync(request, options), cancellationToken);
            trace.PartApplied();
            isDuplicate &= answer.Duplicate;
            progress.Moved(part.Values.Length);
        }
        return new PushResponse { Version = answer!.Version, Duplicate = isDuplicate };
    }

    private async Task AddAsync(string server, CancellationToken cancellationToken)
    {
        var channel = GrpcChannel.ForAddress($"http://{server}");
        _channels.Add(server, channel);
        var shards = new V1.Shards.ShardsClient(channel);
        DescribeResponse answer = await _calls.CallAsync(server, options => shards.DescribeAsync(new DescribeRequest { Job = _job }, options), cancellationToken);
        if (ServerDoctor.ExplainContract(server, answer) is { } problem)
            throw new ParameterException(ParameterFault.Invalid, problem);
        _sight.Add(server, answer);
    }

    private Parameters.ParametersClient Client(DescribedShard shard) => new(_channels[shard.Server]);

    // The shard's part of the keys, cut.
    private KeyRange[] Pieces(DescribedShard shard, int stride)
    {
        KeyRange own = shard.Keys.Intersect(Keys);
        int most = PieceFloats / stride;
        var pieces = new KeyRange[(own.Count + most - 1) / most];
        for (int i = 0; i < pieces.Length; i++)
            pieces[i] = new KeyRange(own.First + (long)i * most, Math.Min(most, own.Count - (long)i * most));
        return pieces;
    }

    private static ShardKeys KeysOf(DescribedShard shard, KeyRange piece) => new() { First = (ulong)(piece.First - shard.Keys.First), Count = (ulong)piece.Count };
}

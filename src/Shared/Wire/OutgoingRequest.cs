using System.Text;
using DistSgd.Shared.Exchange;
using Grpc.Core;

namespace DistSgd.Shared.Wire;

/// <summary>
/// PushRequest, PullRequest or PushPullRequest of <c>parameters.proto</c> on its way out: refers to the caller's keys and values, which are
/// written straight into the transport's buffers. Used again call after call, one at a time.
/// </summary>
/// <param name="job">The job's name.</param>
/// <param name="shard">The shard's number.</param>
/// <param name="firstKey">The shard's first key.</param>
public sealed class OutgoingRequest(string job, int shard, long firstKey)
{
    private readonly int _jobBytes = Encoding.UTF8.GetByteCount(job);

    /// <summary>Keys of the push; null for none.</summary>
    public KeySet? PushKeys { get; set; }

    /// <summary>First place among the keys that belongs to this shard.</summary>
    public int PushStart { get; set; }

    /// <summary>Number of places.</summary>
    public int PushCount { get; set; }

    /// <summary>Name, kind, step.</summary>
    public PushHeader Push { get; set; }

    /// <summary>Values for the places of this shard.</summary>
    public ReadOnlyMemory<float> Values { get; set; }

    /// <summary>Keys of the pull; null for none.</summary>
    public KeySet? PullKeys { get; set; }

    /// <summary>First place among the keys that belongs to this shard.</summary>
    public int PullStart { get; set; }

    /// <summary>Number of places.</summary>
    public int PullCount { get; set; }

    /// <summary>Which floats are pulled.</summary>
    public PullPart Part { get; set; }

    /// <summary>Writes the message.</summary>
    /// <param name="request">The message.</param>
    /// <param name="context">Where to.</param>
    public static void Serialize(OutgoingRequest request, SerializationContext context)
    {
        (int total, Sizes sizes) = request.Measure();
        context.SetPayloadLength(total);
        request.Write(new WireWriter(context.GetBufferWriter()), sizes);
        context.Complete();
    }

    private (int Total, Sizes Parts) Measure()
    {
        var sizes = new Sizes();
        int total = WireWriter.SizeOfBytes(_jobBytes) + WireWriter.SizeOfField((ulong)shard);
        if (PushKeys is not null)
        {
            sizes.Name = WireWriter.SizeOfFixed(Push.Name.Source == 0) + WireWriter.SizeOfField(Push.Name.Sequence);
            sizes.PushKeys = SizeOfKeys(PushKeys, PushStart, PushCount);
            sizes.Push = checked(WireWriter.SizeOfMessage(sizes.Name) + 2 + WireWriter.SizeOfField((ulong)Push.Step) + WireWriter.SizeOfFixed(Push.RateSum == 0)
                + WireWriter.SizeOfField((ulong)Push.ReadVersion) + WireWriter.SizeOfMessage(sizes.PushKeys) + WireWriter.SizeOfBytes(Values.Length * sizeof(float)));
            total = checked(total + WireWriter.SizeOfMessage(sizes.Push));
        }
        if (PullKeys is not null)
        {
            sizes.PullKeys = SizeOfKeys(PullKeys, PullStart, PullCount);
            sizes.Pull = checked(WireWriter.SizeOfMessage(sizes.PullKeys) + 2);
            total = checked(total + WireWriter.SizeOfMessage(sizes.Pull));
        }
        return (total, sizes);
    }

    private void Write(WireWriter writer, Sizes sizes)
    {
        writer.Text(1, job, _jobBytes);
        writer.Field(2, (ulong)shard);
        if (PushKeys is not null)
        {
            writer.BeginMessage(3, sizes.Push);
            writer.BeginMessage(1, sizes.Name);
            writer.Fixed64(1, Push.Name.Source);
            writer.Field(2, Push.Name.Sequence);
            writer.Field(2, (ulong)Push.Kind + 1);
            writer.Field(3, (ulong)Push.Step);
            writer.Double(4, Push.RateSum);
            writer.Field(5, (ulong)Push.ReadVersion);
            WriteKeys(writer, 6, sizes.PushKeys, PushKeys, PushStart, PushCount);
            writer.Floats(7, Values.Span);
        }
        if (PullKeys is not null)
        {
            writer.BeginMessage(4, sizes.Pull);
            WriteKeys(writer, 1, sizes.PullKeys, PullKeys, PullStart, PullCount);
            writer.Field(2, (ulong)Part + 1);
        }
    }

    private ulong First(KeySet keys, int start, int count) => keys.IsRange && count > 0 ? (ulong)(keys.First + start - firstKey) : 0;

    private int SizeOfKeys(KeySet keys, int start, int count) =>
        checked(WireWriter.SizeOfField(First(keys, start, count)) + WireWriter.SizeOfField((ulong)count) + WireWriter.SizeOfBytes(keys.IsRange ? 0 : count * sizeof(uint)));

    private void WriteKeys(WireWriter writer, int number, int size, KeySet keys, int start, int count)
    {
        writer.BeginMessage(number, size);
        writer.Field(1, First(keys, start, count));
        writer.Field(2, (ulong)count);
        if (!keys.IsRange)
            writer.Keys(3, keys.Keys.Slice(start, count), (uint)firstKey);
    }

    private struct Sizes
    {
        public int Name, Push, PushKeys, Pull, PullKeys;
    }
}

using System.Runtime.InteropServices;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Wire;
using Grpc.Core;

namespace DistSgd.ParamServer.Services;

/// <summary>
/// Turns keys of a message into keys of a shard: ranges and plain lists where they lie, coded lists decoded into memory that is used again,
/// and, on a stream, lists that are kept. One thread at a time.
/// </summary>
/// <param name="setsMax">Numbers for key sets; 0 where none are kept.</param>
/// <param name="setBytesMax">Bytes of all key sets kept.</param>
/// <param name="listBytesMax">Bytes of one decoded list.</param>
internal sealed class RequestKeys(uint setsMax, long setBytesMax, long listBytesMax)
{
    private readonly Dictionary<uint, KeptSet> _sets = [];
    private readonly uint[][] _decoded = [[], []];
    private long _keptBytes;

    /// <summary>Bytes of all key sets kept.</summary>
    public long KeptBytes => _keptBytes;

    /// <summary>Reads keys; a list that is to be kept is checked and kept.</summary>
    /// <param name="keys">As they lie in the message.</param>
    /// <param name="message">The message.</param>
    /// <param name="shard">Whose keys they are.</param>
    /// <param name="place">0 or 1: memory for one of two lists that are used together.</param>
    /// <exception cref="InvalidDataException">The list is malformed.</exception>
    /// <exception cref="ParameterException">A list that is to be kept isn't ascending or in the shard's range.</exception>
    /// <exception cref="RpcException">The set isn't known, or a bound is reached.</exception>
    public ShardKeys Read(in WireKeys keys, ReadOnlySpan<byte> message, ParameterShard shard, int place)
    {
        if (keys.Set != 0)
            return ReadKept(keys, message, shard);
        if (!keys.HasList)
            return ShardKeys.Range(keys.First, keys.Count);
        ReadOnlySpan<byte> list = message.Slice(keys.List.Start, keys.List.Length);
        if (!keys.IsCoded)
            return ShardKeys.Of(MemoryMarshal.Cast<byte, uint>(list));
        CheckLength(keys.Count);
        if (_decoded[place].Length < keys.Count)
            _decoded[place] = GC.AllocateUninitializedArray<uint>((int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)keys.Count));
        Span<uint> decoded = _decoded[place].AsSpan(0, keys.Count);
        KeyCoding.Decode(list, decoded);
        return ShardKeys.Of(decoded);
    }

    /// <summary>Forgets a set that a message was to define, since the message was refused.</summary>
    /// <param name="keys">As they lie in the message.</param>
    public void Forget(in WireKeys keys)
    {
        if (keys.Set != 0 && keys.HasList && _sets.Remove(keys.Set, out KeptSet? set))
            _keptBytes -= set.Bytes;
    }

    private ShardKeys ReadKept(in WireKeys keys, ReadOnlySpan<byte> message, ParameterShard shard)
    {
        if (keys.Set > setsMax)
            throw Refused(StatusCode.InvalidArgument, setsMax == 0 ? "Key sets are kept on streams only." : $"Key set {keys.Set} is beyond the {setsMax:N0} that the welcome granted.");
        if (keys.HasList)
            return Keep(keys, message, shard);
        if (!_sets.TryGetValue(keys.Set, out KeptSet? set) || set.Shard != shard)
            throw Refused(StatusCode.FailedPrecondition, $"Key set {keys.Set} isn't kept for shard {shard.Number} on this stream; send its keys again with its number.");
        if (set.Keys.Length != keys.Count)
            throw Refused(StatusCode.InvalidArgument, $"Key set {keys.Set} has {set.Keys.Length:N0} keys, not {keys.Count:N0}.");
        return ShardKeys.Of(set.Keys);
    }

    private ShardKeys Keep(in WireKeys keys, ReadOnlySpan<byte> message, ParameterShard shard)
    {
        Forget(keys);
        CheckLength(keys.Count);
        long bytes = sizeof(uint) * (long)keys.Count;
        if (bytes > setBytesMax - _keptBytes)
            throw Refused(StatusCode.ResourceExhausted, $"Key sets of {_keptBytes:N0} bytes are kept; {bytes:N0} more are beyond the {setBytesMax:N0} that the welcome granted. Give an older number new keys.");
        // What the keys cost is known before memory is taken for them: a byte of a block header stands for 128 keys at most.
        if (keys.IsCoded && keys.Count > (long)keys.List.Length * KeyCoding.BlockKeys)
            throw new InvalidDataException("coded keys end in the middle of a block");
        uint[] list = GC.AllocateUninitializedArray<uint>(keys.Count);
        ReadOnlySpan<byte> sent = message.Slice(keys.List.Start, keys.List.Length);
        if (keys.IsCoded)
            KeyCoding.Decode(sent, list);
        else
            sent.CopyTo(MemoryMarshal.AsBytes(list.AsSpan()));
        shard.CheckKeys(ShardKeys.Of(list));
        _sets.Add(keys.Set, new KeptSet(shard, list));
        _keptBytes += bytes;
        return ShardKeys.Of(list);
    }

    private void CheckLength(int count)
    {
        if (count > listBytesMax / sizeof(uint))
            throw Refused(StatusCode.InvalidArgument, $"An exchange here has at most {listBytesMax / sizeof(uint):N0} keys, not {count:N0}; cut it.");
    }

    private static RpcException Refused(StatusCode code, string message) => new(new Status(code, message));

    private sealed record KeptSet(ParameterShard Shard, uint[] Keys)
    {
        public long Bytes => sizeof(uint) * (long)Keys.Length;
    }
}

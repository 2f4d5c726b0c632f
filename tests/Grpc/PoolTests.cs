using Grpc.AspNetCore.Server;
using Grpc.Wire;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;

namespace DistSgd.Grpc.Tests;

public sealed class PoolTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(16 * 1024)]
    [InlineData(16 * 1024 + 1)]
    [InlineData(20 * 1024)]
    [InlineData((1 << 20) + 4096)]
    [InlineData((1 << 20) + 4097)]
    [InlineData((4 << 20) + 5)]
    public void MessagePool_AnyLength_IsLongEnoughAndComesBack(int bytes)
    {
        var array = MessagePool.Rent(bytes);
        Assert.True(array.Length >= bytes, $"{array.Length} < {bytes}");
        MessagePool.Return(array);
    }

    [Fact]
    public void MessagePool_PowerOfTwoPayload_FitsWithItsHeaderWithoutDoubling()
    {
        var array = MessagePool.Rent((4 << 20) + 5);
        Assert.Equal((4 << 20) + 4096, array.Length);
        MessagePool.Return(array);
    }

    [Fact]
    public void MessagePool_MoreReturnedThanTheBound_IsNotKept()
    {
        var arrays = Enumerable.Range(0, 200).Select(_ => MessagePool.Rent(1 << 20)).ToArray();
        foreach (var array in arrays)
            MessagePool.Return(array);
        Assert.InRange(MessagePool.KeptBytes, 1, MessagePool.KeptBytesMax);
    }

    [Fact]
    public void BlockPool_DisposedTwice_GivesABlockToOneRenterOnly()
    {
        using var pool = new BlockMemoryPool();
        var block = pool.Rent();
        block.Dispose();
        block.Dispose();
        using var first = pool.Rent();
        using var second = pool.Rent();
        Assert.NotSame(first, second);
        Assert.Equal(BlockMemoryPool.BlockBytes, first.Memory.Length);
    }

    [Fact]
    public async Task BlockPool_OnAHostWithGrpc_IsKestrels()
    {
        await using var host = await EchoHost.StartAsync();
        Assert.IsType<BlockMemoryPoolFactory>(host.Services.GetRequiredService<IMemoryPoolFactory<byte>>());
    }
}

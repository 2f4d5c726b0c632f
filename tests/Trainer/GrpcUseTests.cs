using DistSgd.Grpc.Tests.Surface;

namespace DistSgd.Trainer.Tests;

/// <summary>
/// The official gRPC packages could take the place of src/Grpc (-p:GrpcRuntime=packages) without a change of source: the product, and what the official
/// generator made of its .proto files, use nothing of the runtime but what the packages have, too, and the few files that stay.
/// </summary>
public sealed class GrpcUseTests
{
    private static readonly string[] Product = ["DistSgd.Protos", "DistSgd.Shared", "DistSgd.ParamServer", "DistSgd.Worker", "DistSgd.Trainer"];

    // Compiled beside the packages: see DistSgd.Grpc.csproj.
    private static readonly string[] Staying = ["Grpc.Net.Client.GrpcHttpHandler.Create", "Grpc.Core.PooledStreams.ReadNextAsync", "Grpc.Core.PooledStreams.WriteNextAsync", "Microsoft.AspNetCore.Builder.GrpcKestrelExtensions.ConfigureForGrpc", "Grpc.AspNetCore.Server.ResponseReservation.ReserveResponse", "Microsoft.Extensions.DependencyInjection.GrpcMessageBounds.BoundMessages"];

    [Fact]
    public void Product_UsesOnlyWhatTheOfficialPackagesHave()
    {
        var api = OfficialApi.Read();
        var allowed = api.Offered.Select(GrpcUse.NameIn).Concat(Staying).ToHashSet(StringComparer.Ordinal);
        // A delegate is made by a constructor, which the list doesn't write; members of messages are the generator's.
        var delegates = api.Offered.Where(line => line.StartsWith("delegate ", StringComparison.Ordinal)).Select(line => $"{GrpcUse.NameIn(line["delegate ".Length..])}.new");
        allowed.UnionWith(delegates);
        var used = Product.SelectMany(name => GrpcUse.Of(Path.Combine(AppContext.BaseDirectory, name + ".dll"), "DistSgd.Grpc"))
            .Where(name => !name.StartsWith("Grpc.Health.V1.", StringComparison.Ordinal)).ToHashSet(StringComparer.Ordinal);
        Assert.Contains("Grpc.Core.Method.new", used);
        Assert.Contains("Grpc.Core.CallInvoker.AsyncUnaryCall", used);
        Assert.Contains("Grpc.Core.ServiceBinderBase.AddMethod", used);
        var others = used.Except(allowed).ToList();
        Assert.True(others.Count == 0, $"Used, but not in the official packages:\n{string.Join('\n', others)}");
    }

    [Theory]
    [InlineData("Grpc.Core.Method<TRequest, TResponse>.new(MethodType type, String name)", "Grpc.Core.Method.new")]
    [InlineData("Grpc.Core.CallOptions.Deadline: DateTime? {get}", "Grpc.Core.CallOptions.Deadline")]
    [InlineData("Grpc.Core.A.B<TRequest, C<TResponse>>(D<E> f): G", "Grpc.Core.A.B")]
    [InlineData("Grpc.Core.StatusCode.OK = 0", "Grpc.Core.StatusCode.OK")]
    public void Name_OfASignature_IsItsTypeAndMember(string signature, string name) => Assert.Equal(name, GrpcUse.NameIn(signature));
}

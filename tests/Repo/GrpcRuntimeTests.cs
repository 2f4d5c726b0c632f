using System.Text.Json;
using DistSgd.TestKit;

namespace DistSgd.Repo.Tests;

/// <summary>-p:GrpcRuntime=packages: one property puts the official gRPC packages in the place of src/Grpc. Evaluated, not built; docs/testing.md tells what was tried with it.</summary>
[Collection("current directory")]
public sealed class GrpcRuntimeTests
{
    private static readonly string[] Official =
        ["Grpc.AspNetCore.Server", "Grpc.AspNetCore.Server.Reflection", "Grpc.HealthCheck", "Grpc.Net.Client", "Grpc.StatusProto"];

    [Fact]
    public async Task Packages_TakeTheRuntimesPlace_WithALockFileOfTheirOwn()
    {
        JsonElement own = await EvaluateAsync("src/Grpc/DistSgd.Grpc.csproj"), packages = await EvaluateAsync("src/Grpc/DistSgd.Grpc.csproj", "-p:GrpcRuntime=packages");
        Assert.Empty(Names(own, "PackageReference").Intersect(Official, StringComparer.Ordinal));
        Assert.True(Names(own, "Compile").Length > 50);
        Assert.Equal(Official, Names(packages, "PackageReference").Where(name => name.StartsWith("Grpc.", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Equal(["Client/GrpcHttpHandler.cs", "Core/PooledStreams.cs", "Server/GrpcKestrelExtensions.cs", "Server/GrpcMessageBounds.cs", "Server/ResponseReservation.cs", "Server/Calls/MessageBudget.cs"], Names(packages, "Compile"));
        Assert.Empty(Names(packages, "Protobuf"));
        string lockFile = packages.GetProperty("Properties").GetProperty("NuGetLockFilePath").GetString()!;
        Assert.Equal(("", "packages.grpc.lock.json"), (own.GetProperty("Properties").GetProperty("NuGetLockFilePath").GetString(), Path.GetFileName(lockFile)));
        foreach (string name in Official)
            Assert.Equal($"[{VersionOf(packages, name)}, )", Requested(lockFile, name));
    }

    [Fact]
    public async Task OtherProjects_ReferenceThemThroughSrcGrpcAlone()
    {
        JsonElement packages = await EvaluateAsync("src/Protos/DistSgd.Protos.csproj", "-p:GrpcRuntime=packages");
        Assert.Equal(["Google.Protobuf", "Grpc.Tools"], Names(packages, "PackageReference").Where(name => name.StartsWith('G')).Order(StringComparer.Ordinal));
        Assert.Equal("../Grpc/DistSgd.Grpc.csproj", Assert.Single(Names(packages, "ProjectReference")));
        new Rule(@"<PackageReference\b[^>]*\bInclude=""Grpc\.(?!Tools"")", "a reference to src/Grpc, which knows both runtimes") { InText = true, Except = ["src/Grpc"] }
            .Holds("<PackageReference Include=\"Grpc.Net.Client\" />", Checkout.WithExtension(".csproj", ".props", ".targets"));
    }

    private static async Task<JsonElement> EvaluateAsync(string project, params string[] properties)
    {
        string[] questions = ["-getItem:PackageReference,PackageVersion,Compile,Protobuf,ProjectReference", "-getProperty:NuGetLockFilePath"];
        string[] lines = await ForeignProgram.MustAsync("dotnet", ["msbuild", Path.Combine(Checkout.Root, project), .. questions, .. properties]);
        return JsonDocument.Parse(string.Join('\n', lines)).RootElement;
    }

    private static string[] Names(JsonElement evaluated, string item) =>
        [.. evaluated.GetProperty("Items").GetProperty(item).EnumerateArray().Select(one => one.GetProperty("Identity").GetString()!)];

    private static string VersionOf(JsonElement evaluated, string package) =>
        evaluated.GetProperty("Items").GetProperty("PackageVersion").EnumerateArray().Single(one => one.GetProperty("Identity").GetString() == package).GetProperty("Version").GetString()!;

    private static string? Requested(string lockFile, string package)
    {
        using JsonDocument locked = JsonDocument.Parse(File.ReadAllText(lockFile));
        return locked.RootElement.GetProperty("dependencies").GetProperty("net10.0").GetProperty(package).GetProperty("requested").GetString();
    }
}

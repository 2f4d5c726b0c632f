using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using DistSgd.Protos.V1;
using DistSgd.TestKit;
using Grpc.Net.Client;

namespace DistSgd.Integration.Tests;

/// <summary>The examples of docs/clients.md against a real server: programs that have nothing of ours but the .proto files.</summary>
public sealed partial class ClientExampleTests
{
    private const int Steps = 20;

    // DistSgd.Shared and what it needs.
    private static readonly string[] Packages = ["Kernels", "Grpc", "Protos", "Learning", "Shared"];

    [PeerFact("python:grpc", "python:numpy", "program:protoc", "program:grpc_python_plugin")]
    public Task PythonExample_TrainsOnARunningServer_AndItsLossFalls() =>
        TrainsAsync("python-example", ForeignProgram.Python, address => [Path.Combine(ForeignProgram.Root, "examples/python/train.py"), address, "--steps", $"{Steps}"]);

    [PeerFact("program:node", "npm:examples/node")]
    public Task NodeExample_TrainsOnARunningServer_AndItsLossFalls() =>
        TrainsAsync("node-example", "node", address => [Path.Combine(ForeignProgram.Root, "examples/node/train.js"), address, "node-example", $"{Steps}"]);

    [Fact]
    public Task CSharpExample_TrainsOnARunningServer_AndItsLossFalls() =>
        TrainsAsync("csharp-example", Path.Combine(AppContext.BaseDirectory, "DistSgd.ParameterClient"), address => [address, $"{Steps}"]);

    [Fact]
    public async Task CSharpExample_AgainstThePackagesInPlaceOfTheProjects_TrainsAsWell()
    {
        using var folder = new Folder();
        foreach (string project in Packages)
            await ForeignProgram.MustAsync("dotnet", "pack", Path.Combine(ForeignProgram.Root, "src", project), "-c", "Release", "--no-build", "-o", folder["packages"], "--nologo");
        string others = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        string consumer = folder.Write("Consumer.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <RestoreSources>{folder["packages"]}</RestoreSources>
                <RestorePackagesPath>{folder["restored"]}</RestorePackagesPath>
                <RestoreFallbackFolders>{others}</RestoreFallbackFolders>
              </PropertyGroup>
              <ItemGroup>
                <FrameworkReference Include="Microsoft.AspNetCore.App" />
                <PackageReference Include="DistSgd.Shared" Version="*-*" />
                <Compile Include="{ForeignProgram.Root}/examples/ParameterClient/Program.cs" />
              </ItemGroup>
            </Project>
            """);
        await ForeignProgram.MustAsync("dotnet", "build", consumer, "-c", "Release", "--nologo", "-o", folder["built"]);
        await TrainsAsync("csharp-example", Path.Combine(folder["built"], "Consumer"), address => [address, $"{Steps}"]);
    }

    [PeerFact("python:grpc")]
    public async Task GenericClient_KnowingNothingButReflection_ListsTheServicesAndCallsDescribe()
    {
        (ProgramRun run, string address) = await ProgramRun.ServerAsync();
        await using ProgramRun server = run;
        string[] lines = await ForeignProgram.MustAsync(ForeignProgram.Python, Path.Combine(ForeignProgram.Root, "tests/Integration/python/reflect.py"), address);
        JsonElement seen = JsonDocument.Parse(lines[^1]).RootElement;
        string[] services = [.. seen.GetProperty("services").EnumerateArray().Select(service => service.GetString()!)];
        string[] expected = ["distsgd.v1.Coordination", "distsgd.v1.Parameters", "distsgd.v1.Shards", "grpc.health.v1.Health"];
        Assert.Equal(expected, services.Intersect(expected).Order(StringComparer.Ordinal));
        Assert.Contains("Push", seen.GetProperty("methods").EnumerateArray().Select(method => method.GetString()));
        Assert.Equal(1, seen.GetProperty("contract").GetInt32());
        DescribeResponse described = await DescribeAsync(address, "");
        Assert.Equal(described.ProcessId, seen.GetProperty("process_id").GetUInt32());
    }

    private static async Task TrainsAsync(string job, string program, Func<string, string[]> args)
    {
        (ProgramRun run, string address) = await ProgramRun.ServerAsync();
        await using ProgramRun server = run;
        string[] lines = await ForeignProgram.MustAsync(program, args(address));
        double[] losses = [.. lines.Select(line => Loss().Match(line)).Where(found => found.Success).Select(found => double.Parse(found.Groups["value"].Value, CultureInfo.InvariantCulture))];
        Assert.True(losses.Length == Steps, string.Join('\n', lines));
        for (int i = 1; i < losses.Length; i++)
            Assert.True(losses[i] <= losses[i - 1], $"step {i + 1}: {string.Join(' ', losses)}");
        Assert.True(losses[^1] < 0.8 * losses[0], string.Join(' ', losses));
        Assert.Contains(lines, line => line.Contains("duplicate true", StringComparison.Ordinal));
        ShardDescription shard = Assert.Single((await DescribeAsync(address, job)).Shards);
        Assert.Equal(((ulong)Steps, 1ul, 0ul), (shard.Version, shard.Duplicates, shard.Refused));
    }

    private static async Task<DescribeResponse> DescribeAsync(string address, string job)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress($"http://{address}");
        return await new Protos.V1.Shards.ShardsClient(channel).DescribeAsync(new DescribeRequest { Job = job }, deadline: DateTime.UtcNow.AddSeconds(30));
    }

    [GeneratedRegex(@"loss (?<value>\d+\.\d+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Loss();
}
